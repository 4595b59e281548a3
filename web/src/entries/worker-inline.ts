/** The worker of `heed/inline` (platforms/inline.ts). */
import { inlinePlatform } from "../platforms/inline.js";
import { serve } from "../worker/host.js";
import { pauseByMessage } from "../worker/pause-web.js";
import type { ToWorker } from "../worker/protocol.js";

serve(
  {
    post: (message, transfer) => globalThis.postMessage(message, { transfer }),
    listen: (receive) => globalThis.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => receive(data)),
    pause: pauseByMessage(),
  },
  inlinePlatform,
);
