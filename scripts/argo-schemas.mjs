/**
 * Writes test/fixtures/argo/schemas.json.gz from Argo's full CRDs (manifests/base/crds/full of its repository):
 *
 *     node scripts/argo-schemas.mjs FOLDER
 *
 * JSON Schemas that refuse unknown fields, without descriptions; what occurs twice becomes a definition, which makes
 * 11 MB of YAML some 100 kB and lets ajv compile each part once.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parse } from "yaml";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("Say where the CRDs are: node scripts/argo-schemas.mjs FOLDER");

const kinds = {
  Workflow: "workflows",
  WorkflowTemplate: "workflowtemplates",
  ClusterWorkflowTemplate: "clusterworkflowtemplates",
  CronWorkflow: "cronworkflows",
};
const kept = [
  "type",
  "enum",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "minItems",
  "maxItems",
  "required",
];
const definitions = {};

/** The schema in JSON Schema's words. */
function convert(schema) {
  if (schema["x-kubernetes-int-or-string"] === true) {
    return share({ type: ["integer", "string"], ...(schema.pattern ? { pattern: schema.pattern } : {}) });
  }
  const converted = Object.fromEntries(
    kept.filter((word) => word in schema).map((word) => [word, schema[word]]),
  );
  if (schema.items) converted.items = convert(schema.items);
  const open = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (schema.properties && !open) {
    const entries = Object.entries(schema.properties).map(([name, each]) => [name, convert(each)]);
    Object.assign(converted, { properties: Object.fromEntries(entries), additionalProperties: false });
  } else if (typeof schema.additionalProperties === "object") {
    converted.additionalProperties = convert(schema.additionalProperties);
  }
  return converted.properties || converted.items || converted.pattern ? share(converted) : converted;
}

function share(schema) {
  const name = createHash("sha256").update(JSON.stringify(schema)).digest("hex").slice(0, 12);
  definitions[name] = schema;
  return { $ref: `#/$defs/${name}` };
}

const roots = Object.fromEntries(
  Object.entries(kinds).map(([kind, plural]) => {
    const crd = parse(readFileSync(join(folder, `argoproj.io_${plural}.yaml`), "utf8"));
    const { openAPIV3Schema: root } = crd.spec.versions.find(({ name }) => name === "v1alpha1").schema;
    // `metadata` is an object without fields in a CRD; `status` is the controller's.
    const { metadata: _metadata, status: _status, ...properties } = root.properties;
    return [kind, convert({ ...root, properties })];
  }),
);
for (const [kind, { $ref }] of Object.entries(roots)) {
  const root = definitions[$ref.split("/").at(-1)];
  definitions[kind] = { ...root, properties: { ...root.properties, metadata: { type: "object" } } };
}
const source = "argo-workflows v4.1.2, manifests/base/crds/full (Apache-2.0)";
const file = new URL("../test/fixtures/argo/schemas.json.gz", import.meta.url);
writeFileSync(file, gzipSync(JSON.stringify({ $comment: source, $defs: definitions }), { level: 9 }));
