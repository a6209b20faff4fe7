import assert from "node:assert/strict";
import { test } from "node:test";
import { frameName, functionName, functionPlace } from "./function_text.ts";

test("functions without a name are called by their place, those without a file native", () => {
  const code = { name: "(anonymous:L#70:C#10)", file: "src/app/linter.ts", line: 70 };
  assert.deepEqual(
    [functionName(code.name), functionName(""), functionName("run")],
    ["(anonymous)", "(anonymous)", "run"],
  );
  assert.deepEqual([frameName(code), frameName({ ...code, name: "run" })], ["(linter.ts:70)", "run"]);
  assert.equal(frameName({ ...code, file: "" }), "(anonymous:L#70:C#10)");
  assert.equal(functionPlace(code, 80), "src/app/linter.ts:70");
  assert.equal(functionPlace({ ...code, line: 0 }, 10), "…linter.ts");
  assert.equal(functionPlace({ file: "", line: 0 }, 80), "native");
});
