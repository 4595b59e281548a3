/** What a subcommand of `heed` is, and how it ends: by returning, or by throwing one of these. */

/** One subcommand. It writes results to stdout and everything else to stderr. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `heed NAME --help` prints. */
  readonly usage: string;
  /** `args` are the words after the name. */
  run(args: string[]): Promise<void>;
}

/** A mistake on the command line. The program ends with 2 and says where the help is. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Something that the command met: a file that is not there, or not what it should be. The program ends with 1. */
export class CommandError extends Error {
  override name = "CommandError";
}
