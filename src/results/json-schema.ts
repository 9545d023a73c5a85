import { z } from "zod";
import { Results } from "./schema/results.ts";

/**
 * JSON Schema (draft 2020-12) of results.json, published as schemas/results.schema.json and by `llmbench schema
 * results`. Objects admit further properties, since fields are only ever added: a program that checks against this
 * schema keeps working with a later llmbench.
 */
export function resultsJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(Results, {
      target: "draft-2020-12",
      override: ({ jsonSchema }) => {
        if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    }),
    title: "llmbench results",
    description:
      "What one run of llm-inference-benchmark measured. Times are milliseconds unless a name says otherwise.",
  };
}
