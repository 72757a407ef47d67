import { Document } from "yaml";

/**
 * Documents as YAML, one after another, with a comment at the head. What YAML 1.1 reads as something else than text is quoted
 * too: some engines read that.
 */
export function yamlText(comment: string, documents: readonly unknown[]): string {
  const texts = documents.map((value, i) => {
    const document = new Document(value, { compat: "yaml-1.1", aliasDuplicateObjects: false });
    if (i === 0) document.commentBefore = comment.replaceAll(/^/gm, " ");
    return document.toString({ lineWidth: 0 });
  });
  return texts.join("---\n");
}
