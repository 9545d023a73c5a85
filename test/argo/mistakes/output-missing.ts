// A DAG that does not give what it declares
import { dag, number, string } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

// @ts-expect-error
dag("main", { outputs: { rate: number(), url: string() } }, (d) => {
  const measured = d.task("measure", measure, { url: "http://server" });
  return { rate: measured.outputs.rate };
});
