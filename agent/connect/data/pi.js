export default function (pi) {
  const session = (ctx) => ctx?.sessionManager?.getSessionId?.() ?? "";
  pi.on("session_start", async (_event, ctx) => {
    ask("start", { session: session(ctx) }).catch(() => {});
  });
  pi.on("session_shutdown", async (_event, ctx) => {
    await ask("end", {
      session: session(ctx),
      transcript_path: ctx?.sessionManager?.getSessionFile?.(),
    });
  });
  pi.on("tool_result", async (event, ctx) => {
    try {
      const texts = event.content.filter((part) => part.type === "text");
      const text = await ask("after", {
        session: session(ctx),
        tool: event.toolName,
        input: event.input,
        output: texts.map((part) => part.text).join("\n"),
        failed: event.isError,
      });
      if (text) return { content: [...event.content, { type: "text", text }] };
    } catch {}
  });
}
