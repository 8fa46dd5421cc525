/** Icons: one 16-pixel grid, one stroke. Decoration only; the control beside them carries the name. */

const PATHS = {
  machines: 'M2 3.5h12v7H2zM5.500 13.500h5M8 10.500v3',
  artifacts: 'M3 2.500h7l3 3v8H3zM10 2.500v3h3M5.500 8.500h5M5.500 11h5',
  monitoring: 'M1.500 8h3l2-4.500 3 9 2-4.500h3',
  server: 'M2.500 2.500h11v4.500h-11zM2.500 9h11v4.500h-11zM5 4.750h.01M5 11.250h.01',
  overview: 'M2.500 2.500h4.500v4.500H2.500zM9 2.500h4.500v4.500H9zM2.500 9h4.500v4.500H2.500zM9 9h4.500v4.500H9z',
  collections: 'M2.500 4.500l5.500-2.500 5.500 2.500-5.500 2.500zM2.500 8l5.500 2.500 5.500-2.500M2.500 11.500l5.500 2.500 5.500-2.500',
  processes: 'M2 6.500h4v3H2zM10 2h4v3h-4zM10 11h4v3h-4zM6 8h2M8 3.500v9M8 3.500h2M8 12.500h2',
  events: 'M9 1.500L3.500 9H8l-1 5.500L12.500 7H8z',
  search: 'M7 12a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM10.600 10.600L14 14',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.500v1.500M8 13v1.500M1.500 8h1.500M13 8h1.500M3.400 3.400l1 1M11.600 11.600l1 1M3.400 12.600l1-1M11.600 4.400l1-1',
  moon: 'M13 9.500A5.500 5.500 0 0 1 6.500 3a5.500 5.500 0 1 0 6.500 6.500z',
  auto: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5l4.500-.5M8 8h6M8 11l4.500.5',
  user: 'M8 8a2.750 2.750 0 1 0 0-5.500A2.750 2.750 0 0 0 8 8zM2.800 13.500c.6-2.300 2.700-3.500 5.200-3.500s4.600 1.200 5.200 3.500',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  check: 'M3 8.500l3.500 3.500L13 4.500',
  down: 'M4 6l4 4 4-4',
  up: 'M4 10l4-4 4 4',
  right: 'M6 4l4 4-4 4',
  left: 'M10 4L6 8l4 4',
  filter: 'M2 3h12l-4.700 5.500v4.500l-2.600-1.500v-3z',
  filterOut: 'M2 3h12l-4.700 5.500v4.500l-2.600-1.500v-3zM11 11l3.500 3.500M14.500 11L11 14.500',
  columns: 'M2.500 3h11v10h-11zM6.200 3v10M9.800 3v10',
  download: 'M8 2v8M4.500 7L8 10.500 11.500 7M2.500 13.500h11',
  refresh: 'M13 8a5 5 0 1 1-1.500-3.500M13 2v3h-3',
  pin: 'M6 2h4l-.5 4.500 2.500 2V10H4V8.500l2.500-2zM8 10v4.500',
  bars: 'M3 3.500h9M3 8h6M3 12.500h3',
  stop: 'M4 4h8v8H4z',
  trash: 'M2.500 4h11M6 4V2.500h4V4M4 4l.7 9.500h6.600L12 4M6.700 6.500v4.500M9.300 6.500v4.500',
  play: 'M5 3l8 5-8 5z',
  warn: 'M8 2l6.500 11.500h-13zM8 6.500v3.500M8 12h.01',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.500v3.500M8 5h.01',
  keyboard: 'M1.500 4h13v8h-13zM4 6.500h.01M6.700 6.500h.01M9.300 6.500h.01M12 6.500h.01M4.500 9.500h7',
  external: 'M6 3H3v10h10v-3M9 2.500h4.500V7M13.500 2.500L7.500 8.500',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.500V8l2.500 1.500',
  tag: 'M2.500 2.500h5l6 6-5 5-6-6zM5.200 5.200h.01',
  expand: 'M9.500 2.500h4v4M13.500 2.500L9 7M6.500 13.500h-4v-4M2.500 13.500L7 9',
  fit: 'M2.500 5.500v-3h3M10.500 2.500h3v3M13.500 10.500v3h-3M5.500 13.500h-3v-3',
  menu: 'M3 4.500h10M3 8h10M3 11.500h10',
  dots: 'M3.500 8h.01M8 8h.01M12.500 8h.01',
  linux: 'M8 2c-1.700 0-2.500 1.200-2.500 3 0 1.600-2.200 3.600-2.200 6 0 2 2 3 4.700 3s4.700-1 4.700-3c0-2.400-2.200-4.400-2.200-6 0-1.800-.8-3-2.500-3zM7 5h.01M9 5h.01M7 7h2',
  windows: 'M2.500 4l5-.8v4.300h-5zM8.800 3l4.700-.8v5.300H8.800zM2.500 8.800h5v4.300l-5-.8zM8.800 8.800h4.700v5.200l-4.700-.8z',
  darwin: 'M10.800 2c-.2 1.300-1.200 2.300-2.500 2.400M8.300 5.500c-.8 0-1.300-.5-2.300-.5C4.300 5 3 6.600 3 8.800 3 11.300 4.600 14 6.200 14c.7 0 1.200-.5 2-.5s1.200.5 2 .5c1.200 0 2.300-1.600 2.800-3-2.200-1-2-4 .1-4.900C12.500 5.400 11.600 5 10.700 5c-1 0-1.600.5-2.400.5z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function OsIcon({ os }: { os: string }) {
  const name: IconName = os === 'windows' || os === 'linux' || os === 'darwin' ? os : 'machines';
  return <Icon name={name} />;
}
