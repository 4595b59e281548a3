/** Threads start from a file of their own, which is what heed/inline does without. */
export const inlineRefusal = "heed/inline has one thread; import heed instead, where files of the package can be loaded";
