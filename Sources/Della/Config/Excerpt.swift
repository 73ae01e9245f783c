import StreamIO

extension String {
    /// What messages quote of a text that may be of any length: about a hundred characters.
    var excerpt: String { printable(atMost: 100) }
}
