/// The modules beside it that a Python file imports: `from .a import x` and `from . import a, b`.
///
/// The text is looked through once, not parsed: a module too many is a file too many in the output, no more.
struct PythonImports {
    /// Bytes that are looked through, at most.
    static let byteLimit = 256 << 10
    /// Lines between two questions whether to stop.
    private static let linesAtOnce = 1024

    /// Without their `.py`, each once, in the order found.
    let modules: [String]

    /// Looks through the beginning of a text, up to `byteLimit` and as far as it comes before `isStopped`. O(n).
    init(_ text: some Sequence<UInt8>, isStopped: () -> Bool = { false }) {
        var scan = Scan(bytes: Array(text.prefix(Self.byteLimit)))
        var lines = 0
        while scan.place < scan.bytes.count {
            lines += 1
            if lines % Self.linesAtOnce == 0, isStopped() { break }
            scan.readLine()
        }
        modules = scan.modules
    }

    /// Goes through the bytes from first to last and never back.
    private struct Scan {
        let bytes: [UInt8]
        var place = 0
        private(set) var modules: [String] = []
        private var known: Set<String> = []

        init(bytes: [UInt8]) { self.bytes = bytes }

        private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

        private static func isLineEnd(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
        }

        private static func isSpace(_ byte: UInt8) -> Bool {
            byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
        }

        /// Letters and digits of any script.
        private static func isOfName(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
                true
            default: false
            }
        }

        private mutating func skip(while condition: (UInt8) -> Bool) {
            while let byte = next, condition(byte) { place += 1 }
        }

        private mutating func skip(_ byte: UInt8) -> Bool {
            guard next == byte else { return false }
            place += 1
            return true
        }

        /// A name, empty where none comes next.
        private mutating func name() -> String {
            let start = place
            skip(while: Self.isOfName)
            return String(decoding: bytes[start..<place], as: UTF8.self)
        }

        private mutating func add(_ module: String) {
            if !module.isEmpty, known.insert(module).inserted { modules.append(module) }
        }

        /// Reads one line, or a statement that goes on over several.
        mutating func readLine() {
            skip(while: Self.isSpace)
            if name() == "from" { readModule() }
            skip { !Self.isLineEnd($0) }
            skip(while: Self.isLineEnd)
        }

        /// What follows `from`: one dot, then a module or the names of modules.
        private mutating func readModule() {
            skip(while: Self.isSpace)
            guard skip(UInt8(ascii: ".")) else { return }
            skip(while: Self.isSpace)
            let module = name()
            guard module == "import" else { return add(module) }
            if let byte = next, Self.isSpace(byte) || byte == UInt8(ascii: "(") || byte == UInt8(ascii: "\\")
            {
                readNames()
            }
        }

        /// `a` and `c` of `(a as b, c)`, up to the end of the statement: that of the line, or of the parentheses.
        private mutating func readNames() {
            var isOpen = false
            var isWanted = true
            while let byte = next {
                if Self.isLineEnd(byte) {
                    guard isOpen else { return }
                    place += 1
                } else if Self.isSpace(byte) {
                    place += 1
                } else if Self.isOfName(byte) {
                    let word = name()
                    if isWanted { add(word) }
                    isWanted = false
                } else {
                    place += 1
                    switch byte {
                    case UInt8(ascii: "("): isOpen = true
                    case UInt8(ascii: ","): isWanted = true
                    case UInt8(ascii: "#"): skip { !Self.isLineEnd($0) }
                    // The line goes on with the next.
                    case UInt8(ascii: "\\"): skip(while: Self.isLineEnd)
                    case UInt8(ascii: ")"), UInt8(ascii: ";"): return
                    default: break
                    }
                }
            }
        }
    }
}
