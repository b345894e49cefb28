/** A run's conversation, kept as a ConfigMap beside the task. Contract §4.5. */
import { Effect, Schema } from "effect"

import type { AgenticTask } from "../../schema/AgenticTask.ts"
import { configMaps } from "../../schema/Core.ts"
import { labelValue } from "../decide/labels.ts"
import { KubeClient, type Manifest } from "../services/KubeClient.ts"

/** A ConfigMap holds 1 MiB; this leaves room for what else is in it. */
export const maxTranscriptBytes = 1024 * 1024 - 16 * 1024
/** Messages that a cut transcript begins and ends with. */
const firstKept = 2
const lastKept = 10

export interface Truncated {
  readonly json: string
  readonly bytes: number
  readonly truncated: boolean
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).byteLength

const render = (messages: ReadonlyArray<string>, turnCount: number, truncated: boolean): string =>
  `{"schemaVersion":"foreman.transcript.v1","turnCount":${turnCount},"truncated":${truncated},"messages":[${messages.join(",")}]}`

const marker = (count: number): string =>
  JSON.stringify({ role: "user", content: `(${count} messages were left out of this transcript)` })

/** A message too large to be kept, as far as it fits: its JSON as text, cut between characters. */
const shortened = (message: string, limit: number): string => {
  const content = message.slice(0, limit).toWellFormed()
  const json = JSON.stringify({ role: "user", content: `(cut message) ${content}` })
  // Escapes make text longer; at an eighth of the limit even the worst text fits.
  return bytesOf(json) <= limit || limit < 64 ? json : shortened(message, Math.floor(limit / 2))
}

/**
 * The transcript within a cap: whole, else the first 2 and the last 10 messages around a marker, each cut to its share where these
 * alone are too large. Every step works on fewer or shorter messages, so it ends for any sizes.
 */
export const truncate = (
  messages: ReadonlyArray<string>,
  turnCount: number,
  maxBytes = maxTranscriptBytes
): Truncated => {
  const whole = render(messages, turnCount, false)
  const size = bytesOf(whole)
  if (size <= maxBytes) return { json: whole, bytes: size, truncated: false }

  const head = messages.slice(0, firstKept)
  const tail = messages.slice(Math.max(firstKept, messages.length - lastKept))
  const dropped = messages.length - head.length - tail.length
  const room = maxBytes - bytesOf(render([marker(messages.length)], turnCount, true))
  const share = Math.max(0, Math.floor(room / (head.length + tail.length)) - 1)
  const fit = (message: string) => (bytesOf(message) <= share ? message : shortened(message, share))
  const kept = [...head.map(fit), ...(dropped > 0 ? [marker(dropped)] : []), ...tail.map(fit)]
  const json = render(kept, turnCount, true)
  const bytes = bytesOf(json)
  if (bytes <= maxBytes) return { json, bytes, truncated: true }
  const bare = render([marker(messages.length)], turnCount, true)
  return { json: bare, bytes: bytesOf(bare), truncated: true }
}

/** ConfigMap names are DNS subdomains of at most 253 characters, and so may a task's name be. */
const nameOf = (task: AgenticTask): string => {
  const name = `foreman-transcript-${task.metadata.name}`
  return name.length <= 253 ? name : `foreman-transcript-${labelValue(task.metadata.name)}`
}

const manifestOf = (
  task: AgenticTask,
  transcript: ReadonlyArray<string>,
  turnCount: number
): Manifest & { readonly metadata: { readonly name: string } } => {
  const { json, bytes, truncated } = truncate(transcript, turnCount)
  const { name, namespace = "default", uid } = task.metadata
  return {
    metadata: {
      name: nameOf(task),
      namespace,
      labels: {
        "foreman.llmkube.dev/transcript-of": labelValue(name),
        "app.kubernetes.io/part-of": "foreman"
      },
      ...(uid === undefined
        ? {}
        : {
            ownerReferences: [
              {
                apiVersion: "foreman.llmkube.dev/v1alpha1",
                kind: "AgenticTask",
                name,
                uid,
                controller: true,
                blockOwnerDeletion: true
              }
            ]
          })
    },
    data: {
      "transcript.json": json,
      "meta.json": JSON.stringify({
        schemaVersion: "foreman.transcript.v1",
        turnCount,
        truncated,
        bytesStored: bytes
      })
    }
  }
}

/** Where the transcript went, for `extra.transcriptRef`. Creates or replaces; a failure is logged and costs nobody a verdict. */
export const store = Effect.fn("Transcript.store")(function* (
  task: AgenticTask,
  transcript: ReadonlyArray<string>,
  turnCount: number
): Effect.fn.Return<{ readonly [key: string]: Schema.Json } | undefined, never, KubeClient> {
  const kube = yield* KubeClient
  const manifest = manifestOf(task, transcript, turnCount)
  const { namespace = "default" } = task.metadata
  const { name } = manifest.metadata
  return yield* kube.create(configMaps, manifest).pipe(
    Effect.catchReason("KubeError", "AlreadyExists", () =>
      kube.patch(configMaps, { name, namespace }, { type: "merge", body: manifest })
    ),
    Effect.as({ kind: "ConfigMap", apiVersion: "v1", namespace, name }),
    Effect.timeout("30 seconds"),
    Effect.catch((error) => Effect.as(Effect.logWarning("transcript not stored", error), undefined))
  )
})
