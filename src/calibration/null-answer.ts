/** The bytes of an answer with as little thought behind it as can be: a chat stream as vLLM writes it. */

const common = {
  id: "chatcmpl-0d2f1d3c3f4b4a6e",
  object: "chat.completion.chunk",
  created: 1795503871,
  model: "null",
};
const vocabulary = [
  " the",
  " of",
  "\n",
  " quantum",
  ' "state"',
  " über",
  " 量子",
  "s",
  " entangled",
  ".",
  " two",
  " is",
];

function httpChunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

function event(json: object): Buffer {
  return httpChunk(`data: ${JSON.stringify(json)}\n\n`);
}

function delta(content: object, finish: string | null): Buffer {
  return event({
    ...common,
    choices: [{ index: 0, delta: content, logprobs: null, finish_reason: finish }],
  });
}

export const head = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
);
export const roleEvent = delta({ role: "assistant", content: "" }, null);
const texts = vocabulary.map((content) => delta({ content }, null));
const lastTexts = vocabulary.map((content) => delta({ content }, "length"));

/** The k-th chunk of generated text; the last one gives the reason why it is. */
export function textEvent(k: number, last: boolean): Buffer {
  return (last ? lastTexts : texts)[k % vocabulary.length] as Buffer;
}

/** What comes after the last text of an answer of so many chunks: usage, `[DONE]`, the end of the HTTP answer. */
export function answerEnd(chunks: number): Buffer {
  const usage = { prompt_tokens: 5, total_tokens: 5 + chunks, completion_tokens: chunks };
  return Buffer.concat([
    event({ ...common, choices: [], usage }),
    httpChunk("data: [DONE]\n\n"),
    Buffer.from("0\r\n\r\n"),
  ]);
}
