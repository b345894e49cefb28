/** Whose doing it was that a run did not end GO: the first thing that somebody who has to mend it asks (design §3.15). */
import { Schema } from "effect"

export const Party = Schema.Literals([
  "model",
  "server",
  "proxy",
  "template",
  "network",
  "quota",
  "contentFilter",
  "credentials",
  "configuration",
  "workspace",
  "person"
])
export type Party = typeof Party.Type
