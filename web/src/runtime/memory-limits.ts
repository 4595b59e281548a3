/** How large a module's memory can be. */
export const pageBytes = 65536;
/** The linked initial memory: 16 MiB. A smaller one is a LinkError. */
export const initialPages = 256;
/** Of 32-bit addresses: 4 GiB. */
const mostPages = 65536;
/** Smallest and largest legal `maximumMemory`. */
export const memoryLimits = { least: initialPages * pageBytes, most: mostPages * pageBytes };
