import assert from "node:assert/strict"
import { test } from "node:test"

import { slug } from "../src/slug.js"

test("words are joined by dashes", () => assert.equal(slug("Hello World"), "hello-world"))

test("digits stay, and no dash is left at the ends", () => assert.equal(slug("Release 2.0!"), "release-2-0"))
