// For the API reference: a type that is taken from a schema or a list (`z.output<typeof schema>`) is shown with its fields or
// values, instead of the name of what it is taken from, which is no part of the package's surface.
import { Comment, Converter, ReflectionKind, type Application } from 'typedoc';
import ts from 'typescript';

export function load({ converter }: Application): void {
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.TypeAlias)) return;
    const symbol = context.getSymbolFromReflection(reflection);
    const alias = symbol?.declarations?.find(ts.isTypeAliasDeclaration);
    if (alias === undefined || !/\btypeof\b/.test(alias.type.getText())) return;
    reflection.comment ??= new Comment();
    reflection.comment.modifierTags.add('@useDeclaredType');
  });
}
