// Written by `lore connect`; `lore connect pi --undo` takes it away again.
// Shows what is known about a failing call beside its result. Whatever goes wrong, the result stays as it is.
import { spawn } from "node:child_process";

const LORE: string[] = [/*LORE*/];
const PATIENCE_MS = 3000;

function ask(event: string, input: unknown): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(LORE[0], [...LORE.slice(1), "hook", "pi", event], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    let text = "";
    child.stdout.on("data", (piece: Buffer) => (text += piece));
    child.stdin.on("error", () => {});
    child.on("error", () => resolve(""));
    child.on("close", () => {
      clearTimeout(timer);
      resolve(text.trim());
    });
    child.stdin.end(JSON.stringify(input));
  });
}

export default function (pi: any) {
  const session = (ctx: any) => ctx?.sessionManager?.getSessionId?.() ?? "";
  pi.on("session_start", async (_event: any, ctx: any) => {
    ask("start", { session: session(ctx) }).catch(() => {});
  });
  pi.on("session_shutdown", async (_event: any, ctx: any) => {
    await ask("end", {
      session: session(ctx),
      transcript_path: ctx?.sessionManager?.getSessionFile?.(),
    });
  });
  pi.on("tool_result", async (event: any, ctx: any) => {
    try {
      const texts = event.content.filter((part: any) => part.type === "text");
      const text = await ask("after", {
        session: session(ctx),
        tool: event.toolName,
        input: event.input,
        output: texts.map((part: any) => part.text).join("\n"),
        failed: event.isError,
      });
      if (text) return { content: [...event.content, { type: "text", text }] };
    } catch {}
  });
}
