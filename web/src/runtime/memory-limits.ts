/** How large a module's memory can be. */
export const pageBytes = 65536;
/** The linked initial memory: 16 MiB. A smaller one is a LinkError. */
export const initialPages = 256;
/** Of 32-bit addresses: 4 GiB. */
const mostNarrowPages = 65536;
/** Of 64-bit addresses: 16 GiB, which is where engines end. */
const mostWidePages = 262144;
/** Smallest and largest legal `maximumMemory`; more than `mostNarrow` needs addresses of 64 bits. */
export const memoryLimits = {
  least: initialPages * pageBytes,
  mostNarrow: mostNarrowPages * pageBytes,
  most: mostWidePages * pageBytes,
};
