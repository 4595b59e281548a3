/** The package's version. A module that answers with another one is a stale file, and is refused at load. */
export const version = "0.1.0";
