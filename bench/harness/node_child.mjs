// One candidate in a Node process of its own: the host behind the process's message channel.

import { createHost } from "./host.mjs";

const handle = createHost();

process.on("message", async ({ id, message }) => {
  const answer = await handle(message);
  process.send({ id, answer });
});
// A driver that is gone asks for nothing more.
process.on("disconnect", () => process.exit(0));
