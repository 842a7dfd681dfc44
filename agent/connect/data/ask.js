// Written by `lore connect`; `lore connect AGENT --undo` takes it away again.
// Shows what is known about a failing call beside its result. Whatever goes wrong, the result stays as it is.
import { spawn } from "node:child_process";

const LORE = [/*LORE*/];
const PATIENCE_MS = 3000;

function ask(event, input) {
  return new Promise((resolve) => {
    const child = spawn(LORE[0], [...LORE.slice(1), "hook", "AGENT", event], {
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
