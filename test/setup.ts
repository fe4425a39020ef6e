/** Runs before each test file. */
import { afterAll } from "vitest";
import { cleanUp } from "./after-file.ts";
import "./bounded-shrinking.ts";

afterAll(cleanUp);
