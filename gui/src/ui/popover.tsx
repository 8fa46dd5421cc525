/** Pop-up panels on the browser's own popover layer, which provides Escape, outside click and focus return. */

import { useCallback, useId, useRef, useState, type ReactNode } from 'react';
import { Icon, type IconName } from './icons';

interface Props {
  /** The label of the button; also its accessible name unless `name` is given. */
  label: ReactNode;
  name?: string;
  icon?: IconName;
  className?: string;
  panelClass?: string;
  align?: 'start' | 'end';
  caret?: boolean;
  children: (close: () => void) => ReactNode;
}

const GAP = 4;
/** Panels do not cover the navigation at the left. */
const RAIL = 80;

/** Places `panel` below (or above, when there is no room) `anchor`, inside the window. */
function place(panel: HTMLElement, anchor: Element, align: 'start' | 'end'): void {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const left = align === 'start' || at.right - width < RAIL ? at.left : at.right - width;
  const below = at.bottom + GAP;
  const top = below + height > window.innerHeight - GAP && at.top > height ? at.top - height - GAP : below;
  panel.style.left = `${Math.max(GAP, Math.min(left, window.innerWidth - width - GAP))}px`;
  panel.style.top = `${Math.max(GAP, Math.min(top, window.innerHeight - height - GAP))}px`;
}

export function Popover({ label, name, icon, className = 'button button-quiet', panelClass = '', align = 'start', caret = false, children }: Props) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const close = useCallback(() => panel.current?.hidePopover(), []);
  // Measured once its content is there, hence the observer rather than the toggle event.
  const attach = useCallback(
    (element: HTMLDivElement | null) => {
      panel.current = element;
      if (!element) return;
      const observer = new ResizeObserver(() => {
        if (anchor.current && element.matches(':popover-open')) place(element, anchor.current, align);
      });
      observer.observe(element);
      return () => observer.disconnect();
    },
    [align],
  );
  return (
    <>
      <button ref={anchor} type="button" className={className} popoverTarget={id} aria-expanded={open} aria-label={name} title={name}>
        {icon && <Icon name={icon} size={14} />}
        {label}
        {caret && <Icon name="down" size={12} />}
      </button>
      <div
        ref={attach}
        id={id}
        popover="auto"
        className={`popover ${panelClass}`}
        onToggle={(event) => {
          const isOpen = event.newState === 'open';
          setOpen(isOpen);
          if (isOpen) requestAnimationFrame(() => panel.current?.querySelector<HTMLElement>('[data-autofocus], input, .menu-item')?.focus());
        }}
      >
        {open && children(close)}
      </div>
    </>
  );
}

export function MenuItem({ icon, children, onClick, danger, hint, checked }: { icon?: IconName; children: ReactNode; onClick: () => void; danger?: boolean; hint?: string; checked?: boolean }) {
  return (
    <button
      type="button"
      className={`menu-item ${danger ? 'is-danger' : ''}`}
      onClick={onClick}
      aria-pressed={checked}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
        event.preventDefault();
        const items = [...(event.currentTarget.closest('.popover')?.querySelectorAll<HTMLElement>('.menu-item') ?? [])];
        const at = items.indexOf(event.currentTarget) + (event.key === 'ArrowDown' ? 1 : -1);
        items[(at + items.length) % items.length]?.focus();
      }}
    >
      {icon ? <Icon name={icon} size={14} /> : <span className="menu-gap" />}
      <span className="menu-text">{children}</span>
      {checked && <Icon name="check" size={12} />}
      {hint && <kbd>{hint}</kbd>}
    </button>
  );
}
