/** The small parts of every page. */

import { useId } from 'react';
import { Link } from 'react-router';
import { useServerAnswers } from '../api/reach';
import { revealPieces } from '../lib/text';
import { Icon, type IconName } from './icons';

/** Text from an endpoint, with marked placeholders for hidden characters. */
export function Reveal({ text, newlines = false }: { text: string; newlines?: boolean }) {
  const pieces = revealPieces(text, newlines);
  if (pieces.length === 1 && !pieces[0]?.hidden) return <>{text}</>;
  return (
    <>
      {pieces.map((piece, index) =>
        piece.hidden ? (
          <span key={index} className="hidden-char" title="control or invisible character">
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </>
  );
}

/** Whether a machine is connected; unknown while the server does not answer. */
export function OnlineDot({ online, label = true }: { online: boolean; label?: boolean }) {
  const isKnown = useServerAnswers();
  const word = !isKnown ? 'unknown' : online ? 'online' : 'offline';
  return (
    <span className={`online ${isKnown ? (online ? 'is-online' : '') : 'is-unknown'}`} title={isKnown ? (online ? 'connected now' : 'not connected') : `the server does not answer; last known to be ${online ? 'online' : 'offline'}`}>
      <span className="dot" aria-hidden="true" />
      <span className={label ? '' : 'sr-only'}>{word}</span>
    </span>
  );
}

export function Button({
  children,
  icon,
  kind = 'plain',
  ...rest
}: { icon?: IconName; kind?: 'plain' | 'primary' | 'quiet' | 'danger' } & React.ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" {...rest} className={`button button-${kind} ${rest.className ?? ''}`}>
      {icon && <Icon name={icon} size={14} />}
      {children}
    </button>
  );
}

export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string } & React.ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" title={label} aria-label={label} {...rest} className={`icon-button ${rest.className ?? ''}`}>
      <Icon name={icon} size={14} />
    </button>
  );
}

export function Label({ children, onRemove }: { children: string; onRemove?: () => void }) {
  return (
    <span className="label">
      <Link to={`/clients?search=${encodeURIComponent(`label:${children}`)}`} title={`All machines labelled ${children}`}>
        <Reveal text={children} />
      </Link>
      {onRemove && <IconButton icon="close" label={`Remove label ${children}`} onClick={onRemove} />}
    </span>
  );
}

/** A choice of a few values as one control; arrow keys move. */
export function Segmented<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: [T, string][]; onChange: (value: T) => void }) {
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend className="sr-only">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option} className={option === value ? 'is-chosen' : ''}>
          <input type="radio" className="sr-only" name={name} checked={option === value} onChange={() => onChange(option)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

export function Meter({ share }: { share: number }) {
  return (
    <span className="meter" aria-hidden="true">
      <span style={{ transform: `scaleX(${Math.max(0, Math.min(1, share))})` }} />
    </span>
  );
}
