/** The mark: a stooping falcon in one stroke. */

export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg className="logo" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <rect width="24" height="24" rx="6" className="logo-ground" />
      <path className="logo-bird" d="M4.500 7.500c4 .2 6.600 1.400 8 3.500 1.600-1.900 3.800-2.900 7-3-1.100 1-1.700 1.900-2 3.100-.7 3-3.200 5.400-7 5.900l-2.500 2 .3-2.900C5.600 14.500 4.500 11.500 4.500 7.500z" />
    </svg>
  );
}
