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
