/** Nobody asks for this any more. */
export const roman = (number) => "I".repeat(number)
