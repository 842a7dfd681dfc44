// Written by `lore connect`; `lore connect opencode --undo` takes it away again.
// Shows what is known about a failing call beside its result. Whatever goes wrong, the result stays as it is.
import { spawn } from "node:child_process";

const LORE = [/*LORE*/];
const PATIENCE_MS = 3000;

function ask(event, input) {
  return new Promise((resolve) => {
    const child = spawn(LORE[0], [...LORE.slice(1), "hook", "opencode", event], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    let text = "";
    child.stdout.on("data", (piece) => (text += piece));
    child.stdin.on("error", () => {});
    child.on("error", () => resolve(""));
    child.on("close", () => {
      clearTimeout(timer);
      resolve(text.trim());
    });
    child.stdin.end(JSON.stringify(input));
  });
}

// The session as `opencode export` writes it: OpenCode itself keeps sessions in a database.
async function exported(client, id) {
  const info = (await client.session.get({ path: { id } })).data;
  const messages = (await client.session.messages({ path: { id } })).data;
  return { info, messages };
}

export const Commonlore = async ({ client }) => ({
  event: async ({ event }) => {
    try {
      if (event?.type === "session.created") {
        await ask("start", { session: event.properties?.info?.id });
      } else if (event?.type === "session.idle") {
        const id = event.properties?.sessionID;
        await ask("end", { session: id, exported: await exported(client, id) });
      }
    } catch {}
  },
  "tool.execute.after": async (input, output) => {
    try {
      const text = await ask("after", {
        session: input.sessionID,
        tool: input.tool,
        input: input.args ?? {},
        output: output.output,
        exit: output.metadata?.exit,
      });
      if (text) output.output = `${output.output}\n${text}`;
    } catch {}
  },
});
