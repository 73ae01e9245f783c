/// The streams of random numbers of a merge: one for every model of every output tensor.
public enum RandomStream {
    /// The stream of a tensor and model: upper half of Philox's counter.
    ///
    /// FNV-1a with 64 bits (Fowler, Noll, Vo) of the output tensor's name in UTF-8, a zero byte, and the
    /// model's position among the non-base models in decimal.
    ///
    /// - Parameters:
    ///   - tensor: The output tensor's name.
    ///   - ordinal: The model's position among the non-base models, from 0.
    public static func identifier(tensor: String, ordinal: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func absorb(_ byte: UInt8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        tensor.utf8.forEach(absorb)
        absorb(0)
        String(ordinal).utf8.forEach(absorb)
        return hash
    }
}
