import type { EventMeaning } from "./event-meaning.ts";
import type { RequestRecord } from "./record.ts";

/** The text of one answer, kept as it came and joined when the record is written. */
export class AnswerText {
  #answer: string[] = [];
  #reasoning: string[] = [];
  readonly #calls = new Map<string, { name: string; arguments: string }>();

  clear(): void {
    this.#answer = [];
    this.#reasoning = [];
    this.#calls.clear();
  }

  take(meaning: EventMeaning): void {
    if (meaning.answer !== "") this.#answer.push(meaning.answer);
    if (meaning.reasoning !== "") this.#reasoning.push(meaning.reasoning);
    for (const part of meaning.tools) {
      const key = `${part.choice}.${part.call}`;
      const call = this.#calls.get(key) ?? { name: "", arguments: "" };
      call.name += part.name;
      call.arguments += part.arguments;
      this.#calls.set(key, call);
    }
  }

  /** Tool calls as `name(arguments)`, in the order they began. With several choices the texts are in order of arrival. */
  joined(): NonNullable<RequestRecord["text"]> {
    return {
      answer: this.#answer.join(""),
      ...(this.#reasoning.length > 0 && { reasoning: this.#reasoning.join("") }),
      ...(this.#calls.size > 0 && {
        toolCalls: [...this.#calls.values()].map((call) => `${call.name}(${call.arguments})`),
      }),
    };
  }
}
