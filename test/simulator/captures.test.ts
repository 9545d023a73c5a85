import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Effects, SimulatorDialect } from "../../src/simulator/options.ts";
import { type RunningSimulator, startSimulator } from "../../src/simulator/server.ts";
import { type Capture, type CaptureFolder, listCaptures, loadCapture } from "../fixtures/captures.ts";
import { RawConnection } from "./raw-client.ts";
import { skeletonOf } from "./skeleton.ts";

const servers: Record<CaptureFolder, { dialect: SimulatorDialect; model: string }> = {
  "vllm-0.32": { dialect: "vllm", model: "smollm2" },
  "sglang-0.4.7": { dialect: "sglang-0.4.7", model: "smollm2" },
  "sglang-0.5.23": { dialect: "sglang", model: "smollm2" },
  "tgi-2.4.1": { dialect: "tgi-2.4.1", model: "/srv/llm/smollm2" },
  "tgi-3.3.7": { dialect: "tgi", model: "/srv/llm/smollm2" },
  llamacpp: { dialect: "llamacpp", model: "smollm2" },
  "llama-cpp-python-0.3.36": { dialect: "llama-cpp-python", model: "smollm2" },
  "transformers-serve": { dialect: "transformers-serve", model: "/models/smollm2" },
};

const cutByTimeOut = "the capture's own time-out cut the answer, which runs to the context's end";
const manySettings = "a page of several hundred settings; the simulator has those that describe it";

/** Every capture that the simulator does not reproduce, and why. */
const exceptions: Record<string, string> = {
  "llamacpp/nomaxtokens-completion": cutByTimeOut,
  "llamacpp/toomuch-maxtokens": cutByTimeOut,
  "llamacpp/toomuch-maxtokens-stream": cutByTimeOut,
  "transformers-serve/5.19-nomaxtokens-completion": cutByTimeOut,
  "transformers-serve/5.19-toomuch-maxtokens": cutByTimeOut,
  "transformers-serve/5.19-toomuch-maxtokens-stream": cutByTimeOut,
  "sglang-0.4.7/get_get_server_info": manySettings,
  "sglang-0.5.23/get_get_server_info": manySettings,
  "sglang-0.5.23/get_get_model_info": manySettings,
  "llamacpp/get_props": manySettings,
  "llamacpp/get_slots": manySettings,
};

/** The texts of a captured answer as tokens: the model's own where a stream shows them, else any cut of the text. */
function scriptOf(capture: Capture): Effects["script"] {
  const scripted = scripts.find(({ name }) => capture.name.includes(name));
  if (scripted !== undefined) return scripted.script(capture.folder);
  const text = capture.response.toString("utf8");
  const texts = [...text.matchAll(/"(?:content|text)": ?("(?:[^"\\]|\\.)*")/g)].map(
    ([, json = '""']) => JSON.parse(json) as string,
  );
  const reasons = [...text.matchAll(/"finish_reason": ?"(\w+)"/g)].map(([, reason]) => reason);
  const end = reasons.some((reason) => reason === "stop" || reason === "eos_token") ? "eos" : "length";
  if (text.includes("text/event-stream"))
    return { tokens: texts.filter((piece) => piece !== "" && piece !== "<|im_end|>"), end };
  const counted = Number(/"completion_tokens": ?(\d+)/.exec(text)?.[1] ?? 1);
  const count = Math.max(
    0,
    end === "eos" && capture.folder !== "llama-cpp-python-0.3.36" ? counted - 1 : counted,
  );
  const whole = texts[0] ?? "";
  return {
    tokens: Array.from({ length: count }, (_, i) => (i < count - 1 ? whole.charAt(i) : whole.slice(i))),
    end,
  };
}

const fruits = ["1", ".", " Ban", "anas", "\n", "2", ".", " Or", "anges", "\n", "3", ".", " Gra", "pes"];
const fruitsOfQ4 = ["1", ".", " Gra", "pes", "\n", "2", ".", " Or", "anges"];
const digits = [" ", "5", ",", " ", "6", ",", " ", "7", ",", " ", "8", ",", " ", "9"];
const scripts: { name: string; script: (folder: CaptureFolder) => Effects["script"] }[] = [
  {
    name: "stop-chat",
    script: (folder) => ({ tokens: folder === "llama-cpp-python-0.3.36" ? fruitsOfQ4 : fruits, end: "eos" }),
  },
  { name: "stop-completion", script: () => ({ tokens: digits, end: "length" }) },
  { name: "stop-multitoken", script: () => ({ tokens: digits, end: "length" }) },
  {
    name: "utf8",
    script: (folder) => ({
      tokens:
        folder === "llama-cpp-python-0.3.36"
          ? ["", "", "🎉", "\n", "#", " ", "2", "0", "1", "8", "-", "0"]
          : ["", "", "🎉", "", "", "🎉", "", "", "🎉", "", "", "🎉"],
      end: "length",
    }),
  },
];

/** The capture's request, with the effect that makes the simulator say the same words. */
function replayed(capture: Capture): Buffer {
  const raw = capture.request.raw ?? Buffer.from(`POST ${capture.request.path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  const lineEnd = raw.indexOf("\r\n") + 2;
  // A header is ASCII.
  const json = JSON.stringify({ script: scriptOf(capture) }).replace(
    /[^ -~]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const effects = capture.request.method === "POST" ? `x-sim-effects: ${json}\r\n` : "";
  return Buffer.concat([raw.subarray(0, lineEnd), Buffer.from(effects), raw.subarray(lineEnd)]);
}

const familiesOf = (text: string) =>
  [...text.matchAll(/^(?:# TYPE )?([\w:]+) (counter|gauge|histogram|summary)$/gm)]
    .map(([, name, type]) => `${name} ${type}`)
    .sort();

describe.each(Object.keys(servers) as CaptureFolder[])("the dialect of %s", (folder) => {
  let simulator: RunningSimulator;
  const start = () => startSimulator({ ...servers[folder], contextLength: 2048 });
  beforeAll(async () => {
    simulator = await start();
  });
  afterAll(() => simulator.close());

  // Captures whose form is not one exchange are held in captured-lives.test.ts.
  const exchanges = listCaptures(folder).filter(
    (name) => loadCapture(folder, name).request.raw !== undefined,
  );

  it.each(exchanges.filter((name) => exceptions[`${folder}/${name}`] === undefined))(
    "answers %s as captured",
    async (name) => {
      const capture = loadCapture(folder, name);
      const choices =
        capture.request.body.includes('"n": 2') || capture.request.body.includes('["One", "Two"]');
      const comparable = (bytes: Buffer) => {
        if (bytes.length === 0) return "not a byte";
        if (capture.metricNamesOnly) return familiesOf(bytes.toString("utf8"));
        return skeletonOf(bytes, { texts: !choices, perChoice: choices });
      };
      const connection = await RawConnection.open(simulator.port);
      connection.send(replayed(capture));
      const answer = await connection.receive();
      expect(comparable(answer.bytes)).toEqual(comparable(capture.response));
      expect(answer.complete).toBe(capture.complete);
      expect(await connection.stillAnswers()).toBe(!capture.serverClosed);
      // What killed the engine killed the simulator.
      if (capture.response.length === 0) simulator = await start();
      connection.close();
    },
  );
});

it("has a reason for each capture it leaves out, and no exception for one that is not there", () => {
  for (const key of Object.keys(exceptions)) {
    const [folder, name] = key.split("/") as [CaptureFolder, string];
    expect(listCaptures(folder)).toContain(name);
  }
});
