/** Who the embedded server is, and who may talk to it: a CA of its own, a server certificate and a token, in the data folder. */
import { createPrivateKey, KeyObject, randomBytes, webcrypto, X509Certificate } from "node:crypto"
import { existsSync, mkdirSync, readFileSync } from "node:fs"

import { DateTime, Effect, Redacted, Schema } from "effect"

import { writeAtomically } from "../../atomicFile.ts"
import type { DataFolder } from "../DataFolder.ts"

/** The folder could not be read or written, or the certificate not be made. */
export class CertificateError extends Schema.TaggedError<CertificateError>()("CertificateError", {
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `certificates of the embedded server: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

export interface Certificates {
  /** PEM, for clients. */
  readonly ca: string
  /** PEM, the certificate and its CA's. */
  readonly certificate: string
  readonly key: Redacted.Redacted
  /** Whoever shows it is the owner, who may do everything. */
  readonly token: Redacted.Redacted
  /** Of Foreman's own operator, node and pods, which may do everything but approve. */
  readonly ownToken: Redacted.Redacted
}

/** A certificate and its key in one file, so that no crash can pair one with another's. */
interface Pair {
  readonly pem: string
  readonly certificate: X509Certificate
}

const day = 86_400_000
const caLifetime = 3_650 * day
const serverLifetime = 365 * day
/** A server that is started at least once a month never shows an expired certificate. */
const renewBefore = 30 * day

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }

/** Undefined when there is none, or none that is still good. */
const read = (path: string, now: number): Pair | undefined => {
  if (!existsSync(path)) return undefined
  const pem = readFileSync(path, "utf8")
  try {
    const certificate = new X509Certificate(pem)
    const isSound = certificate.checkPrivateKey(createPrivateKey(pem))
    return isSound && Date.parse(certificate.validTo) - now > renewBefore ? { pem, certificate } : undefined
  } catch {
    // Cut off or edited: it is made anew, as if it were not there.
    return undefined
  }
}

/** Loaded only when something must be made: 115 ms. */
const loadX509 = async () => {
  await import("./reflectMetadata.ts")
  return import("@peculiar/x509")
}

const pemOf = (certificate: string, key: webcrypto.CryptoKey): string =>
  `${certificate}\n${KeyObject.from(key).export({ type: "pkcs8", format: "pem" }).toString()}`

const generateKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])

const serialNumber = (): string => `00${randomBytes(15).toString("hex")}`

/** Five minutes back, for a client whose clock lags. */
const validity = (now: number, lifetime: number) => ({
  notBefore: new Date(now - 300_000),
  notAfter: new Date(now + lifetime)
})

const makeCa = async (now: number): Promise<string> => {
  const x509 = await loadX509()
  const keys = await generateKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=foreman embedded cluster CA",
    ...validity(now, caLifetime),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
    ]
  })
  return pemOf(certificate.toString("pem"), keys.privateKey)
}

const makeServer = async (ca: string, now: number): Promise<string> => {
  const x509 = await loadX509()
  const keys = await generateKeys()
  const issuer = new x509.X509Certificate(new X509Certificate(ca).raw)
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    createPrivateKey(ca).export({ type: "pkcs8", format: "der" }),
    algorithm,
    false,
    ["sign"]
  )
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: "CN=foreman embedded cluster",
    issuer: issuer.subject,
    ...validity(now, serverLifetime),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" }
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
    ]
  })
  return pemOf(certificate.toString("pem"), keys.privateKey)
}

/** A file that was emptied must not become a password of no letters. */
const ensureToken = (path: string): string => {
  const kept = existsSync(path) ? readFileSync(path, "utf8").trim() : ""
  if (kept.length >= 32) return kept
  const token = randomBytes(32).toString("hex")
  writeAtomically(path, `${token}\n`)
  return token
}

const ensure = async (folder: DataFolder, now: number): Promise<Certificates> => {
  mkdirSync(folder.file("tls"), { recursive: true, mode: 0o700 })
  const keep = async (name: string, make: () => Promise<string>): Promise<Pair> => {
    const pem = await make()
    writeAtomically(folder.file("tls", name), pem)
    return { pem, certificate: new X509Certificate(pem) }
  }

  const ca = read(folder.file("tls", "ca.pem"), now) ?? (await keep("ca.pem", () => makeCa(now)))
  const kept = read(folder.file("tls", "server.pem"), now)
  const server =
    kept !== undefined && kept.certificate.verify(ca.certificate.publicKey)
      ? kept
      : await keep("server.pem", () => makeServer(ca.pem, now))

  return {
    ca: ca.certificate.toString(),
    certificate: `${server.certificate.toString()}${ca.certificate.toString()}`,
    key: Redacted.make(createPrivateKey(server.pem).export({ type: "pkcs8", format: "pem" }).toString()),
    token: Redacted.make(ensureToken(folder.file("tls", "token"))),
    ownToken: Redacted.make(ensureToken(folder.file("tls", "own-token")))
  }
}

/** Reads what the folder has, makes what is missing, renews what is close to its end. The CA outlives restarts and renewals. */
export const load = Effect.fn("Certificates.load")(function* (folder: DataFolder) {
  const now = DateTime.toEpochMillis(yield* DateTime.now)
  return yield* Effect.tryPromise({
    try: () => ensure(folder, now),
    catch: (cause) => new CertificateError({ cause })
  })
})
