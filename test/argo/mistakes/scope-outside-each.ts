// An item outside its loop
import { dag } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

dag("main", {}, (d) => {
  const urls = d.each(["http://one", "http://two"]);
  // @ts-expect-error
  d.task("measure", measure, { url: urls.item });
});
