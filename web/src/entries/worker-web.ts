/** The worker of `heed` in browsers. */
import { webPlatform } from "../platforms/web.js";
import { serve } from "../worker/host.js";
import { threadsOfPage, type ThreadEvent } from "../worker/page-thread.js";
import { pauseByMessage } from "../worker/pause-web.js";
import type { ToWorker } from "../worker/protocol.js";

const { PageThread, receive: receiveThread } = threadsOfPage((request) => globalThis.postMessage(request));
// In our own worker, where nobody else is affected.
Object.assign(globalThis, { Worker: PageThread });

serve(
  {
    post: (message, transfer) => globalThis.postMessage(message, { transfer }),
    listen: (receive) =>
      globalThis.addEventListener("message", ({ data }: MessageEvent<ToWorker | ThreadEvent>) => {
        if (data.kind === "thread") receiveThread(data);
        else receive(data);
      }),
    pause: pauseByMessage(),
  },
  webPlatform({ crossOriginThreads: true }),
);
