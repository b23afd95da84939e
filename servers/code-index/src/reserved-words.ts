// Words of each language that can name nothing.

const WORDS: Readonly<Record<string, string>> = {
  ecmascript:
    'await break case catch class const continue debugger default delete do else enum export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private ' +
    'protected public return static super switch this throw true try typeof var void while with yield',
  python:
    'False None True and as assert async await break class continue def del elif else except finally for ' +
    'from global if import in is lambda nonlocal not or pass raise return try while with yield',
  go:
    'break case chan const continue default defer else fallthrough for func go goto if import interface map ' +
    'package range return select struct switch type var',
  rust:
    'Self abstract as async await become box break const continue crate do dyn else enum extern false final fn ' +
    'for if impl in let loop macro match mod move mut override priv pub ref return self static struct super ' +
    'trait true try type typeof unsafe unsized use virtual where while yield',
  java:
    'abstract assert boolean break byte case catch char class const continue default do double else enum extends ' +
    'false final finally float for goto if implements import instanceof int interface long native new null ' +
    'package private protected public return short static strictfp super switch synchronized this throw ' +
    'throws transient true try void volatile while',
  c:
    'alignas alignof and asm auto bool break case catch char class const constexpr continue decltype default delete ' +
    'do double else enum explicit export extern false float for friend goto if inline int long mutable namespace ' +
    'new noexcept not nullptr operator or private protected public register return short signed sizeof static ' +
    'static_assert struct switch template this throw true try typedef typename union unsigned using virtual ' +
    'void volatile while xor',
  csharp:
    'abstract as base bool break byte case catch char checked class const continue decimal default delegate do ' +
    'double else enum event explicit extern false finally fixed float for foreach goto if implicit in int ' +
    'interface internal is lock long namespace new null object operator out override params private protected ' +
    'public readonly ref return sbyte sealed short sizeof stackalloc static string struct switch this throw ' +
    'true try typeof uint ulong unchecked unsafe ushort using virtual void volatile while',
  ruby:
    'BEGIN END alias and begin break case class def do else elsif end ensure false for if in module next nil not ' +
    'or redo rescue retry return self super then true undef unless until when while yield',
  php:
    'abstract and array as break callable case catch class clone const continue declare default do echo else elseif ' +
    'empty endfor endforeach endif endswitch endwhile enum extends final finally fn for foreach function global ' +
    'goto if implements include instanceof insteadof interface isset list match namespace new or print private ' +
    'protected public readonly require return static switch throw trait try unset use var while xor yield',
  bash: 'case do done elif else esac fi for function if in select then time until while',
};

const sets = new Map(
  Object.entries(WORDS).map(([family, words]) => [family, new Set(words.split(' '))] as const),
);

export function isReserved(family: string, word: string): boolean {
  return sets.get(family)?.has(word) ?? false;
}
