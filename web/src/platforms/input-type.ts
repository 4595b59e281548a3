/**
 * Whether the program came from --eval with --input-type. Workers inherit that option and stop at it: heed gives its
 * own worker none, but the generated code cannot be told to do the same for its threads.
 */
export function inheritsInputType(): boolean {
  return process.execArgv.some((argument) => argument.startsWith("--input-type"));
}
