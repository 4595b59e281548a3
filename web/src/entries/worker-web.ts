/** The worker of `heed` in browsers. */
import { fromAnotherOrigin } from "../platforms/origin.js";
import { webPlatform } from "../platforms/web.js";
import { startThreadsAcrossOrigins } from "../worker/cross-origin.js";
import { serve } from "../worker/host.js";
import { pauseByMessage } from "../worker/pause-web.js";
import type { ToWorker } from "../worker/protocol.js";

if (fromAnotherOrigin(import.meta.url)) startThreadsAcrossOrigins();

serve(
  {
    post: (message, transfer) => globalThis.postMessage(message, { transfer }),
    listen: (receive) => globalThis.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => receive(data)),
    pause: pauseByMessage(),
  },
  webPlatform({ crossOriginThreads: true }),
);
