graph [ node [ id 1 ] a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ a [ ] ] ] ] ] ] ] ] ] ] ] ] ] ] ] ] ] ] ] ] ]
