import StreamIO
import Testing

@Suite struct PrintableTextTests {
    @Test(arguments: [
        ("", ""), ("Org/Name-v0.3", "Org/Name-v0.3"), ("Größe 模型 🙂", "Größe 模型 🙂"),
        ("\u{1B}[2J\u{1B}]0;pwn\u{7}\u{202E}base", "\\u{1B}[2J\\u{1B}]0;pwn\\u{7}\\u{202E}base"),
        ("a\nb\r\tc\u{7F}\u{9B}", "a\\nb\\r\\tc\\u{7F}\\u{9B}"),
        ("a\u{2028}b\u{2029}c\u{FEFF}\u{200B}\u{2066}", "a\\u{2028}b\\u{2029}c\\u{FEFF}\\u{200B}\\u{2066}"),
    ])
    func whatSteersATerminalIsSpelled(text: String, printed: String) {
        #expect(text.printable == printed)
        #expect(printed.printable == printed)
    }

    @Test func aLongTextKeepsItsBeginningAndItsEnd() {
        #expect("abcdefghi".printable(atMost: 9) == "abcdefghi")
        #expect("abcdefghij".printable(atMost: 9) == "abcdef…hij")
        #expect("ääääääääää".printable(atMost: 10) == "ääääääääää")
        #expect("ääääääääää".printable(atMost: 3) == "ää…ä")
        #expect("\u{1B}23456\u{1B}".printable(atMost: 3) == "\\u{1B}2…\\u{1B}")
    }
}
