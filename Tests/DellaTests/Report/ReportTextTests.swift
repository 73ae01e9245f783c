import Testing

@testable import Della

@Suite struct ReportTextTests {
    @Test(
        arguments: [
            (0, "0"), (1, "1"), (0.5, "0.5"), (0.01234, "0.0123"), (-0.01234, "-0.0123"), (99.95, "100"),
            (99.94, "99.9"),
            (9.999, "10"), (123_456, "123000"), (999_999, "1e6"), (1_234_567, "1.23e6"), (0.0001, "0.0001"),
            (0.00001234, "1.23e-5"), (1e300, "1e300"), (5e-324, "4.94e-324"), (.infinity, "–"), (.nan, "–"),
            (10, "10"), (100, "100"), (0.1, "0.1"),
        ] as [(Double, String)])
    func numbersHaveThreeDigits(value: Double, text: String) {
        #expect(ReportText.number(value) == text)
    }

    @Test(
        arguments: [
            (0, 10, "none"), (10, 10, "all"), (1, 3, "33.3 %"), (999_999, 1_000_000, "over 99.9 %"),
            (1, 1_000_000, "0.0001 %"), (0, 0, "–"),
        ] as [(UInt64, UInt64, String)])
    func sharesAreNoneOrAllOnlyWhereTheyAre(part: UInt64, all: UInt64, text: String) {
        #expect(ReportText.share(part, of: all) == text)
    }

    @Test(
        arguments: [
            (0, "0"), (999, "999"), (1000, "1,000"), (12_034, "12,034"), (1_500_000, "1.5 million"),
            (12_247_782_400, "12.2 billion"),
        ] as [(UInt64, String)])
    func countsAreReadable(count: UInt64, text: String) {
        #expect(ReportText.count(count) == text)
    }

    @Test(
        arguments: [(0, "0"), (1.25, "1.3"), (-0.04, "0"), (-12.5, "-12.5"), (560, "560")]
            as [(Double, String)])
    func placesHaveATenth(value: Double, text: String) {
        #expect(ReportText.place(value) == text)
    }

    @Test func logarithmsAgreeWithTheirMultiples() {
        for power in -300...300 {
            #expect(HeatScale.log2(Double(sign: .plus, exponent: power, significand: 1)) == Double(power))
        }
        for number in 1...1000 {
            let (value, other) = (Double(number) / 37, Double(number * 7 + 1) / 11)
            let sum = HeatScale.log2(value) + HeatScale.log2(other)
            #expect(abs(HeatScale.log2(value * other) - sum) < 1e-13)
        }
    }

    @Test(
        arguments: [
            [0.1, 0.2], [0, 1], [3, 3], [-1, 1], [0.013, 0.87], [1e-7, 5e-7], [-0.2, 0.31], [0, 0],
            [12, 48_000],
        ])
    func aScaleHoldsItsValuesAndHasRoundMarks(values: [Double]) {
        for isLogarithmic in [false, true] {
            let scale = ChartScale(values, isLogarithmic: isLogarithmic)
            #expect((2...16).contains(scale.marks.count), "\(scale.marks)")
            #expect(scale.marks == scale.marks.sorted())
            for value in values {
                #expect((0...1).contains(scale.share(value)))
                #expect(scale.low <= value * (1 + 1e-12) + 1e-12 && value <= scale.high * (1 + 1e-12) + 1e-12)
            }
            for mark in scale.marks { #expect((0...1).contains(scale.share(mark))) }
        }
    }
}
