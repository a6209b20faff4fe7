import assert from "node:assert/strict";
import { test } from "node:test";
import { shown, visible } from "./visible_text.ts";

test("visible() shows controls, bidi marks, lone surrogates and what has no width", () => {
  assert.equal(visible("\x1b[31m\0\x07\n\t\x7f"), "⟨ESC⟩[31m⟨NUL⟩⟨BEL⟩⟨LF⟩⟨HT⟩⟨DEL⟩");
  assert.equal(visible("\x9b2J"), "⟨U+009B⟩2J");
  assert.equal(visible("a\u202eb\u2066\u200f\u061c"), "a⟨U+202E⟩b⟨U+2066⟩⟨U+200F⟩⟨U+061C⟩");
  assert.equal(visible("\ud800 \udfff"), "⟨U+D800⟩ ⟨U+DFFF⟩");
  assert.equal(visible("\ufeff\u200b\u00ad\u2028\u{e0041}"), "⟨U+FEFF⟩⟨U+200B⟩⟨U+00AD⟩⟨U+2028⟩⟨U+E0041⟩");
});

test("visible() leaves letters of any script and joined emoji alone", () => {
  const text = "שלום مرحبا 漢字 नमस्ते क्\u200dष 🧑\u200d💻 é";
  assert.equal(visible(text), text);
});

test("shown() says how long a text is, and cuts no character in half", () => {
  assert.equal(shown("short", 5), "short");
  assert.equal(shown("x".repeat(2 ** 20), 3), "xxx… (1,048,576 characters)");
  assert.equal(shown("a😀b😀", 2), "a… (6 characters)");
  assert.equal(shown("a😀b😀", 3), "a😀… (6 characters)");
  assert.equal(shown("\u202e".repeat(9), 9), "⟨U+202E⟩⟨… (9 characters)");
});
