/** Label names to values. Values are never empty in a stored alert; names and values are well-formed Unicode. */
export type LabelSet = Readonly<Record<string, string>>;
