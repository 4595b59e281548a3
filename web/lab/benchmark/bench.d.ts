/** The parts of bench/ that the page uses, which are plain JavaScript: as much of them as it uses. */

declare module "heed-bench" {
  export type Shape = Readonly<Record<string, unknown>>;

  /** Somebody who takes turns: which module, with which options, at which shape. */
  export interface Entry {
    name: string;
    kind: "heed" | "peer" | "ceiling";
    module: string;
    place: "worker" | "window";
    options: { threads: number } & Record<string, unknown>;
    entry?: string;
    shape?: Shape;
    /** Why it is not even tried. */
    notTried?: string | undefined;
  }

  export interface Milliseconds {
    median: number;
    p25: number;
    p75: number;
    least: number;
    most: number;
    samples: number;
    batch: number;
    /** Where the median lies with 95 % confidence; once the row is complete. */
    interval?: [number, number];
  }

  /** What was found out about an entry. */
  export interface Row {
    candidate: string;
    kind: Entry["kind"];
    variant?: string;
    threads: number;
    version?: string;
    verdict?: "right" | "wrong" | "failed" | "not tried";
    reason?: string;
    error?: number;
    bound?: number;
    firstCall?: number;
    milliseconds?: Milliseconds;
    gflops?: number;
    gigabytesPerSecond?: number;
    /** Flops of the operation over the bytes that it has to move. */
    intensity?: number;
    /** Time of this row over that of heed's fastest of the same operation, as many threads. */
    heedFaster?: number;
    /** Time of heed's exact call over that of this row, same build and threads. */
    speedup?: number;
    note?: string;
  }

  export interface Effort {
    budget: number;
    least: number;
    most: number;
    warm: number;
    sample: number;
  }

  export interface Live {
    signal: AbortSignal;
    show: (rows: Row[]) => void;
  }

  export interface Engine {
    entry: (name: string) => string;
    open: (entry: Entry) => Promise<Session>;
  }

  export interface Session {
    open(options: Record<string, unknown>): Promise<Record<string, unknown>>;
    ask(kind: string, content?: unknown): Promise<Record<string, unknown>>;
    receive(id: number, answer: unknown): void;
    fail(reason: string): void;
    close(): Promise<void>;
  }
}

declare module "*/harness/turns.mjs" {
  import type { Effort, Engine, Entry, Live, Row, Shape } from "heed-bench";
  export function takeTurns(
    engine: Engine,
    shape: Shape,
    entries: readonly Entry[],
    effort: Effort,
    tell?: (text: string) => void,
    live?: Live,
  ): Promise<{ rows: Row[]; others: number | undefined }>;
}

declare module "*/harness/entries.mjs" {
  import type { Entry } from "heed-bench";
  export function heedEntry(
    arithmetic: string,
    threads: number,
    more?: { operation?: string; options?: Record<string, unknown> },
  ): Entry;
  export function loopEntry(loop: string, threads: number): Entry;
}

declare module "*/peers/peers.mjs" {
  interface Peer {
    name: string;
    package?: string;
    module: string;
    engines?: readonly string[];
    threads?: boolean;
    causalOnly?: boolean;
    mostN?: number;
    options?: Record<string, unknown>;
  }
  export const peers: readonly Peer[];
  export const decodePeers: readonly Peer[];
}

declare module "*/harness/session.mjs" {
  import type { Session as Conversation } from "heed-bench";
  export type Session = Conversation;
  export const Session: new (pipe: {
    address: (name: string) => string;
    module: string;
    send: (id: number, message: unknown) => void;
    end: () => void;
  }) => Session;
}

declare module "*/harness/host.mjs" {
  export function createHost(tools: {
    load: (address: string) => Promise<unknown>;
    thread: () => Worker;
  }): (message: unknown) => Promise<unknown>;
}

declare module "*/harness/work.mjs" {
  export function workOf(shape: Readonly<Record<string, unknown>>): { flops: number; bytes: number };
}

declare module "*/harness/stats.mjs" {
  export function median(numbers: readonly number[]): number;
}

declare module "*/harness/format.mjs" {
  export function short(value: number | undefined): string;
  export function percent(share: number | undefined): string;
  export function times(factor: number | undefined): string;
  export function scientific(value: number | undefined): string;
}

declare module "*/candidates/machine_loop_worker.mjs";

declare module "virtual:peers" {
  /** Versions of the peers that the lab was built with, by package. */
  const versions: Readonly<Record<string, string>>;
  export default versions;
}
