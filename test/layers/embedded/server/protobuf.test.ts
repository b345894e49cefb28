import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

import { decodeEnvelope } from "../../../../layers/embedded/server/protobuf.ts"

const varint = (value: number): Array<number> =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))]

type Value = string | number | Uint8Array | ReadonlyArray<readonly [number, Value]>

const message = (fields: ReadonlyArray<readonly [number, Value]>): Uint8Array =>
  Uint8Array.from(
    fields.flatMap(([number, value]) => {
      if (typeof value === "number") return [...varint(number << 3), ...varint(value)]
      const bytes =
        typeof value === "string" ? Buffer.from(value) : value instanceof Uint8Array ? value : message(value)
      return [...varint((number << 3) | 2), ...varint(bytes.length), ...bytes]
    })
  )

const envelope = (apiVersion: string, kind: string, fields: ReadonlyArray<readonly [number, Value]>) =>
  Buffer.concat([
    Buffer.from("k8s\0"),
    message([
      [
        1,
        [
          [1, apiVersion],
          [2, kind]
        ]
      ],
      [2, message(fields)],
      [3, ""],
      [4, ""]
    ])
  ])

const decoded = (body: Uint8Array) => {
  const result = decodeEnvelope(body)
  return Result.isSuccess(result)
    ? result.success
    : { code: result.failure.code, message: result.failure.message }
}

describe("decodeEnvelope", () => {
  it("leaves out what Go writes for fields that nobody set", () => {
    const meta = [
      [1, "s"],
      [2, ""],
      [3, "default"],
      [7, 0],
      [8, ""],
      [
        11,
        [
          [1, "app"],
          [2, ""]
        ]
      ]
    ] as const
    const body = envelope("v1", "Secret", [
      [1, meta],
      [
        2,
        [
          [1, "token"],
          [2, "x"]
        ]
      ],
      [
        2,
        [
          [1, "empty"],
          [2, ""]
        ]
      ],
      [3, "Opaque"]
    ])
    assert.deepStrictEqual(decoded(body), {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "default", labels: { app: "" } },
      data: { token: "eA==", empty: "" },
      type: "Opaque"
    })
  })

  it("keeps a zero that was meant: pointers to 0 and false", () => {
    const body = envelope("batch/v1", "Job", [
      [1, [[1, "j"]]],
      [
        2,
        [
          [1, 0],
          [7, 0],
          [10, 0],
          [
            6,
            [
              [1, ""],
              [
                2,
                [
                  [
                    2,
                    [
                      [1, "c"],
                      [16, 0]
                    ]
                  ]
                ]
              ]
            ]
          ]
        ]
      ],
      [3, [[4, 0]]]
    ])
    assert.deepStrictEqual(decoded(body), {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "j" },
      spec: {
        parallelism: 0,
        backoffLimit: 0,
        suspend: false,
        template: { metadata: {}, spec: { containers: [{ name: "c" }] } }
      },
      status: {}
    })
  })

  it("writes times as Kubernetes does: whole seconds, or six digits", () => {
    const body = envelope("coordination.k8s.io/v1", "Lease", [
      [
        1,
        [
          [1, "l"],
          [8, [[1, 1_767_225_600]]]
        ]
      ],
      [
        2,
        [
          [1, "me"],
          [
            4,
            [
              [1, 1_767_225_600],
              [2, 1_500_000]
            ]
          ]
        ]
      ]
    ])
    assert.deepStrictEqual(decoded(body), {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "l", creationTimestamp: "2026-01-01T00:00:00Z" },
      spec: { holderIdentity: "me", renewTime: "2026-01-01T00:00:00.001500Z" }
    })
  })

  it("puts the fields of an embedded struct where JSON has them", () => {
    const source = [
      [
        4,
        [
          [1, [[1, "creds"]]],
          [2, "token"],
          [3, 0]
        ]
      ]
    ] as const
    const body = envelope("v1", "Pod", [
      [1, [[1, "p"]]],
      [
        2,
        [
          [
            1,
            [
              [1, "v"],
              [2, [[19, [[1, [[1, "cm"]]]]]]]
            ]
          ],
          [
            2,
            [
              [1, "c"],
              [
                7,
                [
                  [1, "T"],
                  [3, source]
                ]
              ],
              [
                8,
                [
                  [
                    1,
                    [
                      [1, "memory"],
                      [2, [[1, "1Gi"]]]
                    ]
                  ]
                ]
              ]
            ]
          ]
        ]
      ]
    ])
    assert.deepStrictEqual((decoded(body) as { readonly spec: unknown }).spec, {
      volumes: [{ name: "v", configMap: { name: "cm" } }],
      containers: [
        {
          name: "c",
          env: [{ name: "T", valueFrom: { secretKeyRef: { name: "creds", key: "token", optional: false } } }],
          resources: { limits: { memory: "1Gi" } }
        }
      ]
    })
  })

  it("refuses what it would lose: a field that is set and not known, a kind that is not known", () => {
    assert.deepStrictEqual(decoded(envelope("v1", "ConfigMap", [[99, "x"]])), {
      code: 400,
      message: "error decoding protobuf: field 99 of ConfigMap is not known here: send it as JSON"
    })
    assert.strictEqual(
      (decoded(envelope("apps/v1", "Deployment", [])) as { readonly code: number }).code,
      415
    )
    assert.strictEqual((decoded(envelope("v1", "constructor", [])) as { readonly code: number }).code, 415)
  })

  it.prop(
    "answers any bytes with a value or a refusal, and never throws",
    [Schema.Array(Schema.Int)],
    ([bytes]) => {
      const body = Buffer.concat([envelope("v1", "Pod", []).subarray(0, 12), Uint8Array.from(bytes)])
      const result = decodeEnvelope(body)
      assert.isTrue(Result.isSuccess(result) || [400, 415].includes(result.failure.code))
    }
  )

  it("refuses a message that is cut off inside a field", () => {
    const whole = envelope("v1", "ConfigMap", [
      [1, [[1, "name"]]],
      [
        2,
        [
          [1, "k"],
          [2, "value"]
        ]
      ]
    ])
    const cuts = Array.from(whole.keys()).filter((cut) =>
      Result.isSuccess(decodeEnvelope(whole.subarray(0, cut)))
    )
    // The last two fields are empty: two bytes each. Before them the object ends, and before that what kind it is.
    const end = whole.length - 4
    assert.deepStrictEqual(cuts.slice(1), [end, end + 2])
    assert.deepStrictEqual(decoded(whole.subarray(0, cuts[0])), { apiVersion: "v1", kind: "ConfigMap" })
  })
})
