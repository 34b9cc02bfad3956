/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/river_eval.h"

#include "common/river/format.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* function(argument, argument), each of which is any text; second: or NULL */
static char *
outcome_of_call(
    const char *function, const char *first, size_t size, const char *second)
{
	struct river_arena *arena = river_arena_new();
	const char *text = river_arena_printf(arena, "%s(%s%s%s)", function,
	    river_quote(arena, first, size), second != NULL ? ", " : "",
	    second != NULL ? river_quote(arena, second, strlen(second)) : "");
	char *outcome = outcome_of(text, strlen(text), NULL);

	river_arena_free(arena);
	return outcome;
}

static void
expect_call(const char *function, const char *first, const char *second,
    const char *expected)
{
	char *outcome = outcome_of_call(function, first, strlen(first), second);
	const char *message = strchr(outcome, ' ');

	/* where a mistake is said, is not of interest here */
	if (message != NULL && outcome[0] >= '0' && outcome[0] <= '9' &&
	    strchr(outcome, ':') < message && strchr(outcome, ':') != NULL)
		message++;
	else
		message = outcome;
	if (strcmp(message, expected) != 0)
		fail_msg("%s of %s (%s)\n  is       %s\n  but must %s",
		    function, first, second != NULL ? second : "", message,
		    expected);
	free(outcome);
}

static void
test_json_decode(void **state)
{
	static const char *const cases[][2] = {
		{ "null", "null" },
		{ "true", "true" },
		{ " false ", "false" },
		{ "0", "0" },
		{ "-0", "-0" },
		{ "12", "12" },
		{ "-1.5e2", "-150" },
		{ "1E-3", "0.001" },
		{ "123456789012345678901234567890",
		    "123456789012345680000000000000" },
		{ "\"a\\nb\\\"\\\\\\/\\u00e4\"", "\"a\\nb\\\"\\\\/\xc3\xa4\"" },
		{ "\"\\u0000\"", "\"\\x00\"" },
		{ "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
		{ "\"\\ud800\"", "\"\xef\xbf\xbd\"" },
		{ "\"\\ude00x\"", "\"\xef\xbf\xbdx\"" },
		{ "\"\\ud800\\u0041\"", "\"\xef\xbf\xbd"
					"A\"" },
		{ "\"\\ud800\\ud83d\\ude00\"",
		    "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"" },
		{ "\"\xc3\xa9\xff\"", "\"\xc3\xa9\xef\xbf\xbd\"" },
		{ "\"\\\\ud800\xfe\"", "\"\\\\ud800\xef\xbf\xbd\"" },
		{ "[]", "[]" },
		{ "{}", "{}" },
		{ " [ 1 , \"a\" , null , [ ] , { } ] ",
		    "[1, \"a\", null, [], {}]" },
		{ "{\"b\":1,\"a\":{\"c d\":[true]}}",
		    "{b = 1, a = {\"c d\" = [true]}}" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "{a = 3, b = 2}" },
		{ "{\"\":1}", "{\"\" = 1}" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		expect_call("json_decode", cases[i][0], NULL, cases[i][1]);
	expect_outcome("json_decode(\"3\") / 2", NULL, "1.5");
	expect_outcome("json_decode(3)", NULL, "3");
	expect_outcome("encoding.from_json(\"[1]\")[0]", NULL, "1");
}

/* What Go's encoding/json says. */
static void
test_json_mistakes(void **state)
{
	static const char *const cases[][2] = {
		{ "nope", "json_decode invalid character 'o' in literal null "
			  "(expecting 'u')" },
		{ "", "json_decode unexpected end of JSON input" },
		{ " ", "json_decode unexpected end of JSON input" },
		{ "{\"a\":1", "json_decode unexpected end of JSON input" },
		{ "{\"a\"", "json_decode unexpected end of JSON input" },
		{ "{", "json_decode unexpected end of JSON input" },
		{ "[[1],", "json_decode unexpected end of JSON input" },
		{ "\"a", "json_decode unexpected end of JSON input" },
		{ "[1,]", "json_decode invalid character ']' looking for "
			  "beginning of value" },
		{ "[,1]", "json_decode invalid character ',' looking for "
			  "beginning of value" },
		{ "]", "json_decode invalid character ']' looking for "
		       "beginning of value" },
		{ "'a'", "json_decode invalid character '\\'' looking for "
			 "beginning of value" },
		{ "\xc3\xa9", "json_decode invalid character '\xc3\x83' "
			      "looking for beginning of value" },
		{ "\x01", "json_decode invalid character '\\x01' looking for "
			  "beginning of value" },
		{ "{a:1}", "json_decode invalid character 'a' looking for "
			   "beginning of object key string" },
		{ "{,}", "json_decode invalid character ',' looking for "
			 "beginning of object key string" },
		{ "{\"a\":1,}", "json_decode invalid character '}' looking for "
				"beginning of object key string" },
		{ "{\"a\" 1}",
		    "json_decode invalid character '1' after object key" },
		{ "{\"a\":1 \"b\":2}", "json_decode invalid character '\"' "
				       "after object key:value pair" },
		{ "{\"a\":1]", "json_decode invalid character ']' after object "
			       "key:value pair" },
		{ "[1 2]",
		    "json_decode invalid character '2' after array element" },
		{ "[1}",
		    "json_decode invalid character '}' after array element" },
		{ "1 2",
		    "json_decode invalid character '2' after top-level value" },
		{ "01",
		    "json_decode invalid character '1' after top-level value" },
		{ "nulll",
		    "json_decode invalid character 'l' after top-level value" },
		{ "-", "json_decode invalid character ' ' in numeric literal" },
		{ "-a",
		    "json_decode invalid character 'a' in numeric literal" },
		{ "1.", "json_decode invalid character ' ' after decimal point "
			"in numeric literal" },
		{ "1.a", "json_decode invalid character 'a' after decimal "
			 "point in numeric literal" },
		{ "1e", "json_decode invalid character ' ' in exponent of "
			"numeric literal" },
		{ "1e+x", "json_decode invalid character 'x' in exponent of "
			  "numeric literal" },
		{ "tru", "json_decode invalid character ' ' in literal true "
			 "(expecting 'e')" },
		{ "falsy", "json_decode invalid character 'y' in literal false "
			   "(expecting 'e')" },
		{ "\"\\x\"",
		    "json_decode invalid character 'x' in string escape code" },
		{ "\"\\",
		    "json_decode invalid character ' ' in string escape code" },
		{ "\"\\u12g4\"", "json_decode invalid character 'g' in \\u "
				 "hexadecimal character escape" },
		{ "\"\\u12", "json_decode invalid character ' ' in \\u "
			     "hexadecimal character escape" },
		{ "\"a\tb\"",
		    "json_decode invalid character '\\t' in string literal" },
		{ "1e400", "json_decode json: cannot unmarshal number 1e400 "
			   "into Go value of type float64" },
		{ "[-1E+999]", "json_decode json: cannot unmarshal number "
			       "-1E+999 into Go value of type float64" },
	};
	char *outcome;

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		expect_call("json_decode", cases[i][0], NULL, cases[i][1]);
	expect_outcome("[json_decode(\"\")]", NULL,
	    "1:2-1:12 json_decode unexpected end of JSON input");
	outcome = outcome_of_call("json_decode", "[\0]", 3, NULL);
	assert_string_equal(outcome,
	    "1:1-1:11 json_decode invalid character '\\x00' looking for "
	    "beginning of value");
	free(outcome);
}

static void
test_json_path(void **state)
{
	static const char *const cases[][3] = {
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.bike.p", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    ".store.bike.p", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "store.bike.p", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "@.store.bike.p", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$[\"store\"][\"bike\"]['p']", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[0].t", "[\"a\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[-1].t", "[\"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[9]", "[]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[-9]", "[]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.nope", "[]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.lim.x", "[]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store[0]", "[]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[*].t", "[\"a\", \"b\", \"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book.*.t", "[\"a\", \"b\", \"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.*.p", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$..p", "[1, 2.5, 9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$..book[0].t", "[\"a\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[0,2]['t']", "[\"a\", \"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$['lim','nope']", "[2]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[0]['p', 't']", "[1, \"a\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p)].t", "[\"a\", \"b\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?@.p].t", "[\"a\", \"b\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(!@.p)].t", "[\"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p > 1)].t", "[\"b\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.t == \"b\")].p", "[2.5]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    ".store.book[?(@.t != \"b\")].t", "[\"a\", \"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p < 2 || @.t == 'c')].t",
		    "[\"a\", \"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p > 0 && @.p <= 1)].t", "[\"a\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.t in [\"a\", \"c\"])].t",
		    "[\"a\", \"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p >= $.lim)].t", "[\"b\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p * 2 == 5)].t", "[\"b\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p + 1 == 2)].t", "[\"a\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p - 1 == 0)].t", "[\"a\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(2 / @.p > 1)].t", "[\"a\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(1 + 2 * 3 == 7)].t",
		    "[\"a\", \"b\", \"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p has true)].t", "[\"a\", \"b\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p exists false)].t", "[\"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p == Nothing)].t", "[\"c\"]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.p == null)].t", "[]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.t < \"b\")].p", "[1]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(@.t < 1)].p", "[]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$[?(length(@.book) == 3)].bike.p", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$[?(count(@.book[*]) == 3)].bike.p", "[9]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$.store.book[?(length(@.t) == 1)].p", "[1, 2.5]" },
		{ "{\"store\":{\"book\":[{\"t\":\"a\",\"p\":1},{\"t\":\"b\","
		  "\"p\":2.5},{\"t\":\"c\"}],\"bike\":{\"p\":9}},\"lim\":2}",
		    "$[?(@..p == 9)].bike.p", "[9]" },
		{ "[{\"n\":[1]},{\"n\":[]},{\"n\":\"\"}]",
		    "$[?(@.n empty true)]", "[{n = []}, {n = \"\"}]" },
		{ "[{\"a\":null},{\"b\":1}]", "$[?(@.a == null)]",
		    "[{a = null}]" },
		{ "[false,true,1]", "$[?(@ == false)]", "[false]" },
		{ "[false,true,1]", "$[?(@)]", "[false, true, 1]" },
		{ "[[1,2],[3]]", "$[?(@[*] == 2)]", "[[1, 2]]" },
		{ "{\"a\":{\"x\":1},\"b\":{\"x\":2}}", "$[?(@.x == 2)]",
		    "[{x = 2}]" },
		{ "[1,2,3]", "$[?(@ == -1 + 2)]", "[1]" },
		{ "[1,2,3,4]", "$[1:3]", "[2, 3]" },
		{ "[1,2,3,4]", "$[1:]", "[2, 3, 4]" },
		{ "[1,2,3,4]", "$[:2]", "[1, 2]" },
		{ "[1,2,3,4]", "$[-2:]", "[3, 4]" },
		{ "[1,2,3,4]", "$[:-1]", "[1, 2, 3]" },
		{ "[1,2,3,4]", "$[::2]", "[1, 3]" },
		{ "[1,2,3,4]", "$[3:0:-1]", "[4, 3, 2]" },
		{ "[1,2,3,4]", "$[::-1]", "[4, 3, 2, 1]" },
		{ "[1,2,3,4]", "$[9:]", "[]" },
		{ "[1,2,3,4]", "$[-9:2]", "[1, 2]" },
		{ "[1,2,3,4]", "$[0:4:0]", "[]" },
		{ "[1,2,3,4]", "$[ 1 , 2 ]", "[2, 3]" },
		{ "[1,2,3,4]", "$[ -1 ]", "[4]" },
		{ "[[1],[2,[3]]]", "$..*", "[1, 3, 2, [3], [1], [2, [3]]]" },
		{ "[[1],[2,[3]]]", "$..",
		    "[[1], [2, [3]], 1, 2, [3], 3, [[1], [2, [3]]]]" },
		{ "[[1,2],[3]]", "$..[0]", "[1, 3, [1, 2]]" },
		{ "{\"a b\":1,\"a-b\":2,\"\xc3\xa9\":3}", "$['a b','a-b']",
		    "[1, 2]" },
		{ "{\"a b\":1,\"a-b\":2,\"\xc3\xa9\":3}", "$.\xc3\xa9", "[3]" },
		{ "{\"a'b\":1}", "$['a\\'b']", "[1]" },
		{ "{\"\xc3\xa4\\n\":1}", "$['\\u00e4\\n']", "[1]" },
		{ "1", "$", "[1]" },
		{ "null", "$", "[null]" },
		{ "{}", "", "[]" },
		{ "", "$", "[]" },
		{ " ", "$.a", "[]" },
		{ "[1, 9223372036854775807, -9223372036854775808, 1.5]", "$[*]",
		    "[1, 9223372036854775807, -9223372036854775808, 1.5]" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		expect_call("json_path", cases[i][0], cases[i][1], cases[i][2]);
	/* whole numbers stay such */
	expect_outcome("json_path(\"[3]\", \"$[0]\")[0] / 2", NULL, "1");
}

static void
test_json_path_mistakes(void **state)
{
	static const char *const cases[][3] = {
		{ "{}", "$.a-b", "json_path parse error at 4 in $.a-b" },
		{ "{}", "$.a.", "json_path not terminated at 5 in $.a." },
		{ "{}", "$[", "json_path not terminated at 3 in $[" },
		{ "{}", "$[x]", "json_path parse error at 3 in $[x]" },
		{ "{}", "$[?", "json_path not terminated at 4 in $[?" },
		{ "{}", "$[?(@.a)",
		    "json_path not terminated at 9 in $[?(@.a)" },
		{ "{}", "$[?(@.a)]x",
		    "json_path parse error at 10 in $[?(@.a)]x" },
		{ "{}", "$a", "json_path parse error at 2 in $a" },
		{ "{}", "$['a'",
		    "json_path invalid bracket fragment at 6 in $['a'" },
		{ "{}", "$['a", "json_path not terminated at 5 in $['a" },
		{ "{}", "$['\\q']",
		    "json_path invalid escape in a string at 6 in $['\\q']" },
		{ "{}", "$[?(@.a => 1)]",
		    "json_path '=>' is not a valid operation at 9 in $[?(@.a "
		    "=> 1)]" },
		{ "{}", "$[?(nope)]",
		    "json_path 'nope' is not a value or function at 5 in "
		    "$[?(nope)]" },
		{ "{}", "$[?(@ =~ /a/)]",
		    "json_path regular expressions are not supported at 9 in "
		    "$[?(@ =~ /a/)]" },
		{ "{}", "$[?(@ in [@.a])]",
		    "json_path expected a value at 14 in $[?(@ in [@.a])]" },
		{ "{}", "$[1:2:x]",
		    "json_path expected a number at 7 in $[1:2:x]" },
		{ "{}", "$[1,]",
		    "json_path invalid union syntax at 5 in $[1,]" },
		{ "{}", "$.[1]",
		    "json_path an expression fragment can not start with a '[' "
		    "at 3 in $.[1]" },
		{ "{", "$", "json_path unexpected end of JSON input" },
		{ "{} x", "$",
		    "json_path invalid character 'x' after top-level value" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		expect_call("json_path", cases[i][0], cases[i][1], cases[i][2]);
}

static void
test_discovery_target_decode(void **state)
{
	static const char *const cases[][2] = {
		{ "[]", "[]" },
		{ "[{}]", "[]" },
		{ "[{\"targets\":null,\"labels\":null}]", "[]" },
		{ "[{\"targets\":[\"a:1\",\"b:2\"],\"labels\":{\"env\":\"x\"}},"
		  "{\"targets\":[\"c\"]}]",
		    "[{env = \"x\", __address__ = \"a:1\"}, {env = \"x\", "
		    "__address__ = \"b:2\"}, {__address__ = \"c\"}]" },
		{ "[{\"targets\":[\"a\"],\"labels\":{\"__address__\":\"b\"}}]",
		    "[{__address__ = \"a\"}]" },
		{ "{}", "discovery_target_decode an array of groups of targets "
			"is needed" },
		{ "[1]", "discovery_target_decode each group of targets must "
			 "be an object" },
		{ "[{\"targets\":1}]",
		    "discovery_target_decode \"targets\" must be an array" },
		{ "[{\"targets\":[1]}]", "discovery_target_decode each of "
					 "\"targets\" must be a string" },
		{ "[{\"targets\":[],\"labels\":[]}]",
		    "discovery_target_decode \"labels\" must be an object" },
		{ "[{\"targets\":[],\"labels\":{\"a\":1}}]",
		    "discovery_target_decode each of \"labels\" must be a "
		    "string" },
		{ "[", "discovery_target_decode unexpected end of JSON input" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		expect_call(
		    "discovery_target_decode", cases[i][0], NULL, cases[i][1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_decode),
		cmocka_unit_test(test_json_mistakes),
		cmocka_unit_test(test_json_path),
		cmocka_unit_test(test_json_path_mistakes),
		cmocka_unit_test(test_discovery_target_decode),
	};

	return cmocka_run_group_tests_name("river json", tests, NULL, NULL);
}
