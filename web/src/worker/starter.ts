import type { FileAddresses } from "../runtime/file-names.js";
import type { OpenAddress } from "../model/source-of.js";
import type { ModuleName } from "../runtime/variants.js";
import type { ClientPort } from "./client.js";
import type { PostedSource } from "./protocol.js";

/** What differs between a browser and Node on the page's side. */
export interface WorkerStarter {
  start(workerUrl: string | URL | undefined): ClientPort;
  /** A caller's address, resolved as this place resolves relative ones. */
  resolve(address: string | URL): URL;
  /** Where the package's files are, when the worker lies where the package put it. */
  files?(): FileAddresses;
  /** A module that the worker cannot find by itself. */
  source?(module: ModuleName): Promise<PostedSource>;
  /** A file of a model. */
  open: OpenAddress;
}
