/** What a container said last: a file that it wrote, or the end of its output. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"

import type { Container } from "../../../schema/Job.ts"
import { terminationFile } from "./mounts.ts"

/** As Kubernetes bounds them. */
const messageBytes = 4096
const fallbackBytes = 2048
const fallbackLines = 80
/** `undefined` when it said nothing. */
export const terminationMessage = (
  folder: string,
  container: Container,
  exitCode: number,
  outputEnd: string
): string | undefined => {
  const message = readTermination(terminationFile(folder, container.name))
  if (message !== "") return message
  return exitCode !== 0 && container.terminationMessagePolicy === "FallbackToLogsOnError" && outputEnd !== ""
    ? outputEnd
    : undefined
}

/** The container may have replaced the file by a link, a pipe or a device: only a plain file is read. */
const readTermination = (path: string): string => {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      if (!fstatSync(file).isFile()) return ""
      const buffer = Buffer.alloc(messageBytes)
      const text = buffer.subarray(0, readSync(file, buffer)).toString("utf8")
      // A character that was cut is left out: three bytes at most.
      return text.replace(/\uFFFD{1,3}$/u, "")
    } finally {
      closeSync(file)
    }
  } catch {
    return ""
  }
}

/** The last of the output, for `FallbackToLogsOnError`: 80 lines or 2 KiB, the smaller. */
export const outputTail = () => {
  let kept = Buffer.alloc(0)
  return {
    append: (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk.subarray(-fallbackBytes)]).subarray(-fallbackBytes)
    },
    text: () =>
      kept
        .toString("utf8")
        .replace(/^\uFFFD+/u, "")
        .split("\n")
        .slice(-fallbackLines - 1)
        .join("\n")
  }
}
