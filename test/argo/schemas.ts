import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";

/** Argo's full CRDs as JSON Schemas that refuse unknown fields; made by scripts/argo-schemas.mjs. */
const schemas = JSON.parse(
  gunzipSync(readFileSync(new URL("../fixtures/argo/schemas.json.gz", import.meta.url))).toString(),
) as object;
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false, inlineRefs: false });
ajv.addSchema(schemas, "argo");

/** What the cluster's schema would say against the object, a line each. */
export function schemaErrors(object: { readonly kind: string }): readonly string[] {
  const validate = ajv.compile({ $ref: `argo#/$defs/${object.kind}` });
  validate(JSON.parse(JSON.stringify(object)));
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
