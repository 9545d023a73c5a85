import type { RequestSource } from "./measurement.ts";
import type { TransportRequest } from "./transport.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** What a request asks. An engine's dialect turns it into a body. */
export type Prompt =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "messages"; readonly messages: readonly ChatMessage[] };

/** The prompt of request number `i`. The same `i` always gives the same prompt. */
export type PromptSource = (i: number) => Prompt;

export interface RequestSourceOptions {
  /** `/v1/chat/completions` or `/v1/completions`, after the server's base path. */
  readonly path: string;
  /** Beside `content-type`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly prompts: PromptSource;
  /** Makes the JSON body; where a prompt comes again its body is made once. */
  readonly body: (prompt: Prompt) => object;
}

/** Requests made of prompts. */
export function requestSource(options: RequestSourceOptions): RequestSource {
  const headers = { "content-type": "application/json", ...options.headers };
  let lastPrompt: Prompt | undefined;
  let lastRequest: TransportRequest | undefined;
  return (i) => {
    const prompt = options.prompts(i);
    if (lastRequest === undefined || prompt !== lastPrompt) {
      const body = Buffer.from(JSON.stringify(options.body(prompt)));
      lastRequest = { method: "POST", path: options.path, headers, body };
      lastPrompt = prompt;
    }
    return lastRequest;
  };
}

/** The same text each time. */
export function fixedPrompt(text: string): PromptSource {
  const prompt: Prompt = { kind: "text", text };
  return () => prompt;
}
