/**
 * The X.509 library's dependency injection wants the metadata half of the `Reflect` proposal, and stops without it. These three
 * functions are all that it calls; a full polyfill that is there already is left alone.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>()

const getOwnMetadata = (key: unknown, target: object): unknown => metadata.get(target)?.get(key)

const getMetadata = (key: unknown, target: object | null): unknown =>
  target === null
    ? undefined
    : (getOwnMetadata(key, target) ?? getMetadata(key, Object.getPrototypeOf(target)))

const defineMetadata = (key: unknown, value: unknown, target: object): void => {
  metadata.set(target, (metadata.get(target) ?? new Map()).set(key, value))
}

if (!("getMetadata" in Reflect)) Object.assign(Reflect, { getOwnMetadata, getMetadata, defineMetadata })
