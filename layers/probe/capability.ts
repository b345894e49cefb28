/** From what was found and what flags stated to a capability. Contract §3.4. */
import type { NodeCapability } from "../../schema/Capability.ts"

/** What flags say of the host; it wins over what is found. */
export type Stated = NodeCapability

/** Memory of the host, in bytes. */
export interface Memory {
  readonly totalBytes: number
  readonly availableBytes: number
}

const gibibyte = 1_073_741_824
const maxInt32 = 2_147_483_647

/** Whole GiB, rounded down, within an int32. */
export const bytesToGiB = (bytes: number): number =>
  Number.isNaN(bytes) ? 0 : Math.min(maxInt32, Math.max(0, Math.floor(bytes / gibibyte)))

/** A stated total is static: its owner set that much aside, so it is what is available, too. */
export const capabilityOf = (
  memory: Memory,
  accelerator: NodeCapability["accelerator"] | undefined,
  stated: Stated
): NodeCapability => ({
  ...(accelerator === undefined ? {} : { accelerator }),
  totalRAMGB: bytesToGiB(memory.totalBytes),
  availableRAMGB: bytesToGiB(Math.min(memory.availableBytes, memory.totalBytes)),
  ...(stated.totalRAMGB === undefined ? {} : { availableRAMGB: stated.totalRAMGB }),
  ...stated
})
